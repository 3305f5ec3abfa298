import { setTimeout as delay } from 'node:timers/promises';
import { Counter, type Registry } from 'prom-client';
import { createEngine, type SweepCounters, type Sweeper, type WeirEngine, WeirError } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';
import { showNumber } from '../../engine/platform/metrics.js';

/** Expired holds are looked for twice a second; one round through all remembered ids takes about three minutes. */
const HOLDS_PAUSE_MS = 500;
const IDS_PAUSE_MS = 100;
/** Rounds without a pause while holds are due: a customer that stays due must not turn the sweep into a flood. */
const HOLD_ROUNDS_MAX = 16;
const RETRY_MS = 1_000;

export interface SweepDependencies {
  readonly redisUrl: string;
  readonly idMemoryMb: number;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

export interface RunningSweep {
  stop(): Promise<void>;
}

/** Runs the engine's background work beside the relay. Two relays may do it at once: every sweep is safe to repeat. */
export function startSweep({ redisUrl, idMemoryMb, registry, log }: SweepDependencies): RunningSweep {
  const abort = new AbortController();
  const { signal } = abort;
  let counters: Readonly<SweepCounters> | undefined;
  measure(registry, () => counters);
  const failures = new Counter({
    name: 'weir_sweep_failures_total',
    help: 'Turns of the sweep that failed: what was to be swept stays, and is looked for again.',
    registers: [registry],
  });
  const failed = (error: unknown): void => {
    failures.inc();
    log.warn({ error }, 'the sweep waits for Redis');
  };

  async function run(): Promise<void> {
    const engine = await opened(redisUrl, log, failed, signal);
    if (engine === undefined) return;
    const sweeper = engine.sweeper(idMemoryMb);
    counters = sweeper.counters;
    await Promise.all([
      repeated(HOLDS_PAUSE_MS, () => sweepAllHolds(sweeper), failed, signal),
      repeated(IDS_PAUSE_MS, () => sweeper.sweepIds(), failed, signal),
    ]);
    await engine.close();
  }

  const running = run();
  return {
    async stop() {
      abort.abort();
      await running;
    },
  };
}

async function sweepAllHolds(sweeper: Sweeper): Promise<void> {
  for (let left = HOLD_ROUNDS_MAX; left > 0; left--) if ((await sweeper.sweepHolds()) === 0) return;
}

/** Waits for Redis and the first catalog. */
async function opened(
  redisUrl: string,
  log: SweepDependencies['log'],
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<WeirEngine | undefined> {
  while (!signal.aborted) {
    try {
      return await createEngine({ redis: redisUrl, log });
    } catch (error) {
      // Before the first catalog there is nothing to sweep.
      if (!(error instanceof WeirError && error.code === 'uninitialised')) failed(error);
      await paused(RETRY_MS, signal);
    }
  }
  return undefined;
}

/** A failed turn is told and tried again: what is to be swept stays where it is. */
async function repeated(
  pauseMs: number,
  task: () => Promise<void>,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task();
      await paused(pauseMs, signal);
    } catch (error) {
      // Before the first catalog there is nothing to sweep.
      if (!(error instanceof WeirError && error.code === 'uninitialised')) failed(error);
      await paused(RETRY_MS, signal);
    }
  }
}

const paused = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);

function measure(registry: Registry, counters: () => Readonly<SweepCounters> | undefined): void {
  const shown: { name: string; help: string; of: keyof SweepCounters; unit?: number }[] = [
    { name: 'weir_ids_remembered', help: 'Remembered ids, as of the last whole sweep.', of: 'ids' },
    { name: 'weir_ids_bytes', help: 'Bytes of remembered ids, as of the last whole sweep.', of: 'idBytes' },
    {
      name: 'weir_ids_retention_seconds',
      help: 'How long ids are remembered now.',
      of: 'retentionMs',
      unit: 1_000,
    },
    { name: 'weir_ids_forgotten_total', help: 'Ids removed after their retention.', of: 'idsForgotten' },
    { name: 'weir_holds_swept_total', help: 'Customers whose expired holds the sweep undid.', of: 'customersTouched' },
  ];
  for (const { name, help, of, unit = 1 } of shown) {
    showNumber(registry, name, help, () => (counters()?.[of] ?? 0) / unit);
  }
}
