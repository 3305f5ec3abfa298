import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_SHARDS, SINGLE_SHARDS } from '../../engine/contract/constants.js';
import {
  CatalogRegistry,
  connectRedis,
  createEngine,
  type FileLooks,
  FileSource,
  type LostCatalog,
  type RedisClient,
  type WeirEngine,
  WeirError,
} from '../../engine/index.js';
import { assetPath } from '../../engine/platform/assets.js';
import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';

const RETRY_MS = 500;
/** How often shards that a dead writer left behind are brought to the version in force. */
const FENCE_MS = 2_000;

interface CatalogCounters {
  /** Times the shards could not be brought to the version in force. */
  fenceFailures: number;
  /** Shards without a state, as last seen: they decide nothing until they are rebuilt. */
  uninitialised: number;
  readonly looks: Readonly<FileLooks>;
}

export interface OpenCatalog {
  readonly redis: RedisClient;
  readonly registry: CatalogRegistry;
  /** For live counters, and its view of the catalog. */
  readonly engine: WeirEngine;
  /** Counted since the start, for metrics. */
  readonly counters: CatalogCounters;
  /** Makes a catalog that is gone anew, and applies the file to it. @returns how many objects came back. */
  restore(lost: LostCatalog): Promise<number>;
  close(): Promise<void>;
}

/**
 * Makes the catalog on an empty Redis, and follows the entitlement file. Waits for Redis.
 *
 * @param readLost what the ledger has of a catalog, asked where Redis has none: then Redis was lost, and the catalog is
 * made anew, but no counters. Its shards decide nothing until `weir rebuild`, so that nothing is admitted a second time.
 */
export async function openCatalog(
  config: Pick<Config, 'redisUrl' | 'catalog'>,
  log: Logger,
  readLost: () => Promise<LostCatalog | undefined> = async () => undefined,
): Promise<OpenCatalog> {
  const { redisUrl } = config;
  if (redisUrl === undefined) throw new Error('the control plane needs REDIS_URL');
  const redis = connectRedis(redisUrl, { connectionName: 'weir-control' });
  redis.on('error', () => undefined);
  const registry = new CatalogRegistry(redis);
  const path = config.catalog ?? assetPath('engine/catalog/sample.yaml');
  const source = new FileSource({ path, registry, log });
  // A catalog that exists keeps its own number.
  const shards = redis.isCluster ? CLUSTER_SHARDS : SINGLE_SHARDS;
  const isThere = await untilThere(log, () => registry.exists());
  const lost = isThere ? undefined : await readLost();
  await untilThere(log, async () => {
    if (lost !== undefined) await registry.restore(lost, { shards });
    const { uninitialised } = await registry.initialise({ shards });
    if (uninitialised.length > 0) log.error({ shards: uninitialised }, 'shards have lost their state: weir rebuild');
  });
  await untilThere(log, () => source.start());
  const engine = await untilThere(log, () => createEngine({ redis: redisUrl, log }));
  const counters: CatalogCounters = { fenceFailures: 0, uninitialised: 0, looks: source.looks };
  const fence = async (): Promise<void> => {
    try {
      counters.uninitialised = (await registry.ensureFenced()).uninitialised.length;
    } catch (error) {
      // Redis away is told by the engine's connection already.
      counters.fenceFailures++;
      if (error instanceof WeirError && error.code === 'uninitialised') counters.uninitialised = shards;
    }
  };
  const fencing = setInterval(() => void fence(), FENCE_MS);
  return {
    redis,
    registry,
    engine,
    counters,
    async restore(catalog) {
      const restored = await registry.restore(catalog, { shards });
      await source.again();
      return restored;
    },
    async close() {
      clearInterval(fencing);
      await source.stop();
      await engine.close();
      redis.disconnect();
    },
  };
}

async function untilThere<T>(log: Logger, open: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await open();
    } catch (error) {
      if (attempt % 20 === 0) log.warn({ error }, 'waiting for Redis to take the catalog');
      await delay(RETRY_MS);
    }
  }
}
