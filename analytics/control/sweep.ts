import { setTimeout as delay } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';
import type { WeirEngine } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';

type Sweeper = ReturnType<WeirEngine['sweeper']>;

/** How often expired holds are looked for; a reservation ends at most this much late for a customer who does nothing. */
const HOLDS_MS = 1_000;
/** How often the next remembered ids are looked at: a whole round of 2 048 takes some three minutes. */
const IDS_MS = 100;

/** Runs the engine's background work on Redis. One process does it; two would only do it twice. */
export function startSweep(sweeper: Sweeper, registry: Registry, log: Pick<Logger, 'warn'>): { stop(): Promise<void> } {
  showCounters(sweeper, registry);
  const abort = new AbortController();
  const repeat = async (what: string, everyMs: number, work: () => Promise<unknown>): Promise<void> => {
    let failed = false;
    while (!abort.signal.aborted) {
      try {
        await work();
        failed = false;
      } catch (error) {
        if (!failed) log.warn({ error, what }, 'sweeping failed; it is tried again');
        failed = true;
      }
      await delay(everyMs, undefined, { signal: abort.signal }).catch(() => undefined);
    }
  };
  const loops = [
    repeat('holds', HOLDS_MS, () => sweeper.sweepHolds()),
    repeat('ids', IDS_MS, () => sweeper.sweepIds()),
  ];
  return {
    async stop() {
      abort.abort();
      await Promise.all(loops);
    },
  };
}

function showCounters(sweeper: Sweeper, registry: Registry): void {
  const { counters } = sweeper;
  const shown: readonly [name: string, help: string, read: () => number][] = [
    [
      'weir_sweep_customers',
      'Customers whose expired holds were undone since the start.',
      () => counters.customersTouched,
    ],
    ['weir_sweep_ids_forgotten', 'Remembered ids removed since the start.', () => counters.idsForgotten],
    ['weir_remembered_ids', 'Ids remembered, by the last whole round.', () => counters.ids],
    ['weir_remembered_ids_bytes', 'Bytes that remembered ids take, by the last whole round.', () => counters.idBytes],
    ['weir_id_retention_seconds', 'How long an id is remembered now.', () => counters.retentionMs / 1_000],
  ];
  for (const [name, help, read] of shown) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }
}
