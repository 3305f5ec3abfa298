import {
  CatalogRegistry,
  connectRedis,
  createEngine,
  parseCatalog,
  type RedisClient,
  type WeirEngine,
} from '../../engine/index.js';
import { startRedis } from '../harness/services.js';
import { RedisMeter } from './redis-meter.js';

/** A busy machine is no outage. */
const PATIENT = { storeTimeoutMs: 60_000, storeFateMs: 60_000 };

/** An engine on a Redis that nobody else asks. */
export interface PrivateEngine {
  readonly engine: WeirEngine;
  readonly redis: RedisClient;
  readonly meter: RedisMeter;
  /** Puts a catalog in force. @param text a document of a catalog. */
  apply(text: string): Promise<void>;
}

/** Starts one with a catalog, and stops it when the work is over. */
export async function withPrivateEngine<T>(
  catalogText: string,
  work: (parts: PrivateEngine) => Promise<T>,
): Promise<T> {
  const service = await startRedis();
  const redis = connectRedis(service.url);
  const meter = new RedisMeter(service.url);
  let engine: WeirEngine | undefined;
  try {
    const registry = new CatalogRegistry(redis);
    await registry.initialise({ shards: 1 });
    const apply = async (text: string): Promise<void> => {
      await registry.apply(parseCatalog(text), { owner: 'file', actor: 'file:loadtest' });
    };
    await apply(catalogText);
    engine = await createEngine({ redis: service.url, ...PATIENT });
    return await work({ engine, redis, meter, apply });
  } finally {
    await engine?.close();
    meter.close();
    redis.disconnect();
    await service.stop();
  }
}
