import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_SHARDS, SINGLE_SHARDS } from '../../engine/contract/constants.js';
import {
  CatalogRegistry,
  connectRedis,
  createEngine,
  FileSource,
  type RedisClient,
  type WeirEngine,
} from '../../engine/index.js';
import { assetPath } from '../../engine/platform/assets.js';
import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';

const RETRY_MS = 500;
/** How often shards that a dead writer left behind are brought to the version in force. */
const FENCE_MS = 2_000;

export interface OpenCatalog {
  readonly redis: RedisClient;
  readonly registry: CatalogRegistry;
  /** For live counters, and its view of the catalog. */
  readonly engine: WeirEngine;
  close(): Promise<void>;
}

/** Makes the catalog on an empty Redis, and follows the entitlement file. Waits for Redis. */
export async function openCatalog(config: Pick<Config, 'redisUrl' | 'catalog'>, log: Logger): Promise<OpenCatalog> {
  const { redisUrl } = config;
  if (redisUrl === undefined) throw new Error('the control plane needs REDIS_URL');
  const redis = connectRedis(redisUrl, { connectionName: 'weir-control' });
  redis.on('error', () => undefined);
  const registry = new CatalogRegistry(redis);
  const path = config.catalog ?? assetPath('engine/catalog/sample.yaml');
  const source = new FileSource({ path, registry, log });
  await untilThere(log, async () => {
    // A catalog that exists keeps its own number.
    const made = await registry.initialise({ shards: redis.isCluster ? CLUSTER_SHARDS : SINGLE_SHARDS });
    if (made.uninitialised.length > 0) log.error({ shards: made.uninitialised }, 'shards have lost their state');
  });
  await untilThere(log, () => source.start());
  const engine = await untilThere(log, () => createEngine({ redis: redisUrl, log }));
  const fencing = setInterval(() => void registry.ensureFenced().catch(() => undefined), FENCE_MS);
  return {
    redis,
    registry,
    engine,
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
