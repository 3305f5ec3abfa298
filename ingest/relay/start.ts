import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import { JETSTREAM_ANSWER_MS_MAX } from '../../engine/contract/constants.js';
import { LEASES_BUCKET } from '../../engine/contract/subjects.js';
import { Lease } from '../../engine/platform/lease.js';
import type { Logger } from '../../engine/platform/log.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import type { RedisClient } from '../../engine/store/cluster.js';
import { CATALOG_META_KEY, shardName } from '../../engine/store/keys.js';
import { Outbox, readShardEpoch } from '../../engine/store/outbox.js';
import { CatalogSource } from './catalog-source.js';
import { RelayMetrics } from './metrics.js';
import { ShardPublisher } from './publish.js';
import { ShardRelay, shardSource } from './relay.js';
import { StreamMetrics } from './stream-metrics.js';
import { ensureStreams, purgeAcknowledged } from './streams.js';

const LEASE_KEY = 'relay';
const RETRY_MS = 500;
/** How often gauges are measured and acknowledged messages are looked at for purging. */
const HOUSEKEEPING_MS = 5_000;

export interface RelayDependencies {
  readonly nats: NatsConnection;
  readonly redis: RedisClient;
  /** Makes a connection for one blocking read, which is closed by `stop`. */
  readonly connectBlocking: () => RedisClient;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** Told once the relay holds the lease and its loops run. */
  readonly onReady?: () => void;
}

interface Metrics {
  readonly relay: RelayMetrics;
  readonly stream: StreamMetrics;
}

export interface RunningRelay {
  /** Lets the publishes in flight end, gives the lease up, closes the blocking connections. */
  stop(): Promise<void>;
}

/** Runs the relay of all shards and of the catalog until it is stopped; waits for whatever is not there yet. */
export function startRelay(dependencies: RelayDependencies): RunningRelay {
  const abort = new AbortController();
  // Each shard's loop listens while it waits.
  setMaxListeners(0, abort.signal);
  const metrics = { relay: new RelayMetrics(dependencies.registry), stream: new StreamMetrics(dependencies.registry) };
  const running = terms(dependencies, metrics, abort.signal);
  return {
    async stop() {
      abort.abort();
      await running;
    },
  };
}

/** One term a turn: get ready, hold the lease, relay until it is lost or the process stops. */
async function terms(dependencies: RelayDependencies, metrics: Metrics, signal: AbortSignal): Promise<void> {
  const { log } = dependencies;
  while (!signal.aborted) {
    try {
      await term(dependencies, metrics, signal);
    } catch (error) {
      if (signal.aborted) return;
      metrics.relay.restarts.inc();
      log.warn({ error }, 'the relay cannot work yet');
    }
    if (!signal.aborted) await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function term(dependencies: RelayDependencies, metrics: Metrics, signal: AbortSignal): Promise<void> {
  const { nats, redis, log } = dependencies;
  const manager = await nats.jetstreamManager({ timeout: JETSTREAM_ANSWER_MS_MAX });
  await ensureStreams(manager);
  const js = nats.jetstream({ timeout: JETSTREAM_ANSWER_MS_MAX });
  const store = await js.views.kv(LEASES_BUCKET);
  const lease = await Lease.acquire({
    store,
    key: LEASE_KEY,
    signal,
    onWait: (holder) => log.info({ holder }, 'another relay is at work: waiting for its lease'),
    onFailure: (error) => {
      metrics.relay.leaseFailures.inc();
      log.warn({ error }, 'the lease could not be renewed');
    },
  });
  const blocking: RedisClient[] = [];
  const connectBlocking = (): RedisClient => {
    const connection = dependencies.connectBlocking();
    blocking.push(connection);
    return connection;
  };
  // A blocking read would hold its loop for up to a second.
  const disconnect = (): void => {
    for (const connection of blocking) connection.disconnect();
  };
  signal.addEventListener('abort', disconnect, { once: true });
  try {
    const shards = await shardNames(redis, signal);
    const catalog = new CatalogSource(redis, connectBlocking());
    const sources = [
      ...shards.map((shard) =>
        shardSource(shard, Outbox.ofShard(shard, redis, connectBlocking()), () => readShardEpoch(redis, shard)),
      ),
      catalog,
    ];
    const relays = sources.map((source) => {
      const publisher = new ShardPublisher(js, manager, source.shard, dependencies.tracing);
      return new ShardRelay({ source, publisher, lease, metrics: metrics.relay, log, signal }).run();
    });
    metrics.relay.active(true);
    log.info({ shards: shards.length }, 'relaying');
    dependencies.onReady?.();
    const all = Promise.all(relays);
    const over = new AbortController();
    const failed = (error: unknown): void => {
      metrics.relay.housekeepingFailures.inc();
      log.warn({ error }, 'outboxes and streams could not be looked at: again at the next turn');
    };
    const housekeeping = housekeep(over.signal, failed, async () => {
      await ensureStreams(manager);
      await Promise.all(sources.map((source) => metrics.relay.measure(source.shard, source.outbox)));
      await metrics.stream.measure(manager);
      const purged = await purgeAcknowledged(manager);
      if (purged > 0) log.info({ purged }, 'purged acknowledged messages to make room');
    });
    await all;
    over.abort();
    await housekeeping;
    if (!signal.aborted) log.warn('the relay lost its lease');
  } finally {
    signal.removeEventListener('abort', disconnect);
    disconnect();
    metrics.relay.active(false);
    await lease.release();
  }
}

/** Names of all shards; waits until the catalog is initialised, which the control process does. */
async function shardNames(redis: RedisClient, signal: AbortSignal): Promise<string[]> {
  for (;;) {
    const meta = await redis.hgetall(CATALOG_META_KEY);
    if (Object.keys(meta).length > 0) {
      return Array.from({ length: Number(meta.shards ?? 1) }, (_, index) => shardName(index));
    }
    await delay(RETRY_MS, undefined, { signal });
  }
}

/** Repeats a task until the signal; its failures wait for the next turn, since everything in it is only watched. */
async function housekeep(
  signal: AbortSignal,
  failed: (error: unknown) => void,
  task: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await task().catch(failed);
    await delay(HOUSEKEEPING_MS, undefined, { signal }).catch(() => undefined);
  }
}
