import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import { JETSTREAM_ANSWER_MS_MAX } from '../../engine/contract/constants.js';
import { LEASES_BUCKET } from '../../engine/contract/subjects.js';
import { Lease } from '../../engine/platform/lease.js';
import type { Logger } from '../../engine/platform/log.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import type { ClickHouse } from '../clickhouse.js';
import { migrate } from '../migrate.js';
import { answerCatchUps } from './catch-up.js';
import { answerRetries } from './dead-letter-retry.js';
import { FactsConsumer } from './facts-consumer.js';
import { type FailPoint, Inserter } from './insert.js';
import { SinkMetrics } from './metrics.js';
import { Sink } from './sink.js';

const LEASE_KEY = 'sink';
const RETRY_MS = 500;

export interface SinkDependencies {
  readonly nats: NatsConnection;
  readonly clickhouse: ClickHouse;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Told once the sink reads. */
  readonly onReady?: () => void;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** For tests. */
  readonly failPoint?: FailPoint;
}

export interface RunningSink {
  /** What keeps it from working, '' when it works. */
  problem(): string;
  /** Inserts and acknowledges what was read, then gives the lease up. */
  stop(): Promise<void>;
}

/** Runs the sink until it is stopped; waits for whatever is not there yet, and starts over after a failure. */
export function startSink(dependencies: SinkDependencies): RunningSink {
  const { log } = dependencies;
  const abort = new AbortController();
  const metrics = new SinkMetrics(dependencies.registry);
  let problem = 'the sink starts';
  const run = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      try {
        await term(dependencies, metrics, abort.signal, () => {
          problem = '';
          dependencies.onReady?.();
        });
      } catch (error) {
        if (abort.signal.aborted && isAbort(error)) return;
        problem = `the sink cannot work: ${error instanceof Error ? error.message : String(error)}`;
        metrics.restarts.inc();
        log.warn({ error }, 'the sink cannot work, and starts over');
      }
      await delay(RETRY_MS, undefined, { signal: abort.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    problem: () => problem,
    async stop() {
      abort.abort();
      await running;
    },
  };
}

async function term(
  dependencies: SinkDependencies,
  metrics: SinkMetrics,
  signal: AbortSignal,
  onReady: () => void,
): Promise<void> {
  const { nats, clickhouse, log, failPoint, tracing } = dependencies;
  const applied = await migrate(clickhouse);
  if (applied.length > 0) log.info({ applied }, 'migrated ClickHouse');
  const manager = await nats.jetstreamManager({ timeout: JETSTREAM_ANSWER_MS_MAX });
  const js = nats.jetstream({ timeout: JETSTREAM_ANSWER_MS_MAX });
  const lease = await Lease.acquire({
    store: await js.views.kv(LEASES_BUCKET),
    key: LEASE_KEY,
    signal,
    onWait: (holder) => log.info({ holder }, 'another sink is at work: waiting for its lease'),
    onFailure: (error) => {
      metrics.leaseFailures.inc();
      log.warn({ error }, 'the lease could not be renewed');
    },
  });
  const consumer = new FactsConsumer(nats, manager, lease, {
    onMissing: (messages) => {
      metrics.missingMessages.inc(messages);
      log.error({ messages }, 'messages are gone from JetStream that were never booked');
    },
  });
  try {
    const inserter = new Inserter({ clickhouse, log, onFailure: () => metrics.failures.inc(), failPoint });
    const sink = new Sink({ js, consumer, inserter, lease, metrics, log, signal, tracing });
    const asked = [answerRetries({ nats, manager, sink, metrics, log }), answerCatchUps(nats, sink)];
    await sink.run(onReady).finally(() => {
      for (const subscription of asked) subscription.unsubscribe();
    });
  } finally {
    consumer.close();
    // Acknowledgements are sent without waiting: they go out before the lease does.
    await nats.flush().catch(() => undefined);
    await lease.release();
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
