import type { Finding } from './finding.js';
import { type Sample, scrape, scrapeEach } from './scrape.js';

/** Ages in seconds from which facts are late, and from which something stands still. */
const LAG_WARN = 30;
const LAG_FAIL = 300;

/** What the processes tell by their metrics: the catalog in force, how late facts are, and whether the books agree. */
export async function inspectPipeline(
  urls: { readonly dataPlane: string; readonly console: string },
  key: string | undefined,
  gateways: number,
): Promise<Finding[]> {
  const [control, data] = await Promise.all([
    scrape(urls.console, key).catch(() => undefined),
    scrapeEach(urls.dataPlane, key, gateways),
  ]);
  if (control === undefined || data.length === 0) {
    return [
      { level: 'warn', subject: 'metrics', text: 'cannot be read: from another machine a key with "read" is needed' },
    ];
  }
  return pipelineFindings([...control, ...data]);
}

export function pipelineFindings(samples: readonly Sample[]): Finding[] {
  const of = (name: string): readonly Sample[] => samples.filter((sample) => sample.name === name);
  const most = (name: string): number | undefined => {
    const values = of(name).map(({ value }) => value);
    return values.length === 0 ? undefined : Math.max(...values);
  };
  const outbox = of('weir_outbox_lag_seconds').filter(({ labels }) => labels.shard !== 'catalog');
  return [
    ...services(of('weir_service_up')),
    catalog(of('weir_catalog_version')),
    relay(most('weir_relay_active')),
    age(
      'outbox',
      'how long the oldest fact has waited in Redis:',
      outbox.length === 0 ? undefined : Math.max(...outbox.map(({ value }) => value)),
    ),
    age('sink', 'from its charge to its row, the last batch took', most('weir_sink_lag_seconds')),
    none('dead letters', most('weir_dead_letters'), 'warn', 'could not be booked: npx weir dead-letters list'),
    none('drift', most('weir_drift_limits'), 'fail', 'counters are not what the ledger says: npx weir reconcile'),
    none('spool', most('weir_spool_bytes'), 'warn', 'bytes on a gateway wait to be charged: is Redis back?'),
  ];
}

function services(samples: readonly Sample[]): Finding[] {
  return samples.map(({ labels: { service = '' }, value }) =>
    value === 1
      ? { level: 'ok', subject: service, text: 'answers the control plane' }
      : { level: 'fail', subject: service, text: 'does not answer the control plane: its log, its disk' },
  );
}

/** A change of the catalog reaches everybody before it is answered: a scrape in between sees two versions for a moment. */
function catalog(samples: readonly Sample[]): Finding {
  const subject = 'catalog';
  const versions = new Set(samples.map(({ value }) => value));
  const told = samples.map(({ labels: { process = '' }, value }) => `${process} ${value}`).join(', ');
  return versions.size > 1
    ? { level: 'warn', subject, text: `not the same everywhere: ${told}. If it stays so, restart who is behind` }
    : { level: 'ok', subject, text: `version ${[...versions].join()} in force: ${told}` };
}

function relay(active: number | undefined): Finding {
  const subject = 'relay';
  return active === 1
    ? { level: 'ok', subject, text: 'holds its lease, and carries facts' }
    : { level: 'fail', subject, text: 'none is at work: facts stay in Redis. Its log says what it waits for' };
}

function age(subject: string, what: string, seconds: number | undefined): Finding {
  if (seconds === undefined) return { level: 'warn', subject, text: 'tells nothing: does it run?' };
  const level = seconds < LAG_WARN ? 'ok' : seconds < LAG_FAIL ? 'warn' : 'fail';
  return { level, subject, text: `${what} ${seconds.toFixed(1)} s` };
}

/** @param count not a number where it could not be asked. */
function none(subject: string, count: number | undefined, level: 'warn' | 'fail', what: string): Finding {
  if (count === undefined || Number.isNaN(count)) return { level: 'warn', subject, text: 'is not known at the moment' };
  return count === 0 ? { level: 'ok', subject, text: 'none' } : { level, subject, text: `${count} ${what}` };
}
