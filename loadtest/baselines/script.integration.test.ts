import { afterAll, beforeAll, expect, it } from 'vitest';
import { CatalogRegistry, connectRedis, parseCatalog, type RedisClient } from '../../engine/index.js';
import { type Service, startRedis } from '../harness/services.js';
import { loadCatalog } from '../scenarios/catalog.js';
import { callFlatOut } from './script.js';

let service: Service | undefined;
let redis: RedisClient | undefined;
afterAll(async () => {
  redis?.disconnect();
  await service?.stop();
});

const catalog = loadCatalog(250, 1, Date.now());
beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
  const registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  await registry.apply(parseCatalog(catalog.text), { owner: 'file', actor: 'file:loadtest' });
});

it('the script as a baseline decides batches of the load test, and leaves nothing behind in the books', async () => {
  if (service === undefined || redis === undefined) throw new Error('there is no Redis');
  const before = (await redis.keys('*')).sort();
  const measured = await callFlatOut({ redisUrl: service.url, customers: [...catalog.customers], seconds: 0.1 });
  expect(measured.requests).toBeGreaterThan(0);
  expect(measured.decisions).toBe(measured.requests * 100);
  expect(measured.p50Ms).toBeGreaterThan(0);
  expect((await redis.keys('*')).sort()).toEqual(before);
});
