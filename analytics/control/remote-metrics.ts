import type { NatsConnection } from 'nats';
import { Counter, type Registry } from 'prom-client';
import { metricsSubject } from '../../engine/contract/message.js';

const ANSWER_MS_MAX = 500;
/** The headings of Node's own metrics would stand there twice. */
const OURS = /^(# (HELP|TYPE) )?weir_/;

type Process = Parameters<typeof metricsSubject>[0];

/** Adds the metrics of processes without a port of their own to this process's `/metrics`. */
export function showMetricsOf(processes: readonly Process[], registry: Registry, nats: NatsConnection): void {
  const unanswered = new Counter({
    name: 'weir_metrics_unanswered_total',
    help: 'Scrapes in which a process without a port did not tell its metrics: it is away.',
    labelNames: ['of'] as const,
    registers: [registry],
  });
  const own = registry.metrics.bind(registry);
  registry.metrics = async () => {
    const texts = await Promise.all(
      processes.map(async (process) => {
        const text = await ask(nats, process);
        if (text === '') unanswered.inc({ of: process });
        return text;
      }),
    );
    return [await own(), ...texts].join('\n');
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
