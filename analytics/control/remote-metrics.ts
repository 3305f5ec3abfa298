import type { NatsConnection } from 'nats';
import { Counter, type Registry } from 'prom-client';
import { metricsSubject } from '../../engine/contract/message.js';

const ANSWER_MS_MAX = 500;

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
    return mergeMetrics([await own(), ...texts]);
  };
}

/** Empty where no such process answers. */
async function ask(nats: NatsConnection, process: Process): Promise<string> {
  try {
    const answer = await nats.request(metricsSubject(process), undefined, { timeout: ANSWER_MS_MAX });
    return Buffer.from(answer.data).toString('utf8');
  } catch {
    return '';
  }
}

/**
 * Several texts of Prometheus's format as one: what has the same name stands together under one heading, as the format
 * wants it. Series are told apart by their label `process`.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, { readonly heading: string[]; readonly series: string[] }>();
  for (const text of texts) {
    let family: { readonly heading: string[]; readonly series: string[] } | undefined;
    let isNew = false;
    for (const line of text.split('\n')) {
      if (line.startsWith('# HELP ')) {
        const name = line.split(' ')[2] ?? '';
        family = families.get(name);
        isNew = family === undefined;
        family ??= { heading: [], series: [] };
        families.set(name, family);
      }
      if (line === '' || family === undefined) continue;
      if (!line.startsWith('#')) family.series.push(line);
      else if (isNew) family.heading.push(line);
    }
  }
  return [...families.values()].map(({ heading, series }) => `${[...heading, ...series].join('\n')}\n`).join('\n');
}
