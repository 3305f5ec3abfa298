import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import { metricsSubject } from '../../engine/contract/message.js';

const ANSWER_MS_MAX = 500;
/** The headings of Node's own metrics would stand there twice. */
const OURS = /^(# (HELP|TYPE) )?weir_/;

type Process = Parameters<typeof metricsSubject>[0];

/** Adds the metrics of processes without a port of their own to this process's `/metrics`. */
export function showMetricsOf(processes: readonly Process[], registry: Registry, nats: NatsConnection): void {
  const own = registry.metrics.bind(registry);
  registry.metrics = async () => {
    const texts = await Promise.all([own(), ...processes.map((process) => ask(nats, process))]);
    return texts.join('\n');
  };
}

/** Empty where no such process answers. */
async function ask(nats: NatsConnection, process: Process): Promise<string> {
  try {
    const answer = await nats.request(metricsSubject(process), undefined, { timeout: ANSWER_MS_MAX });
    const lines = Buffer.from(answer.data).toString('utf8').split('\n');
    return `${lines.filter((line) => OURS.test(line)).join('\n')}\n`;
  } catch {
    return '';
  }
}
