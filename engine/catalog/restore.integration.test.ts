import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Service, startRedis } from '../../loadtest/harness/services.js';
import { CATALOG_META_KEY } from '../store/keys.js';
import { connectRedis, type RedisClient } from './redis.js';
import { CatalogRegistry } from './registry.js';
import { type LostCatalog, restoreCatalog } from './restore.js';

let service: Service;
let redis: RedisClient;

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
});

afterAll(async () => {
  redis.disconnect();
  await service.stop();
});

const lostWith = (customers: number): LostCatalog => ({
  version: 41,
  epochMs: 1_000,
  objects: [
    { type: 'meter', id: 'tokens', owner: 'file', body: { id: 'tokens', eventType: 'llm', aggregation: 'count' } },
    { type: 'feature', id: 'chat', owner: 'file', body: { id: 'chat', kind: 'metered', meter: 'tokens' } },
    { type: 'plan', id: 'plan', owner: 'file', body: { id: 'plan', features: { chat: { limits: [] } } } },
    ...Array.from({ length: customers }, (_, index) => ({
      ...({ type: 'customer', id: `c-${index}`, owner: 'api' } as const),
      body: { id: `c-${index}`, plan: 'plan' },
    })),
  ],
});
const lost = lostWith(20);

/** Its connection breaks at the n-th command: before it, or after Redis has done it and before the answer is there. */
function breaking(n: number, isDone: boolean): RedisClient {
  let commands = 0;
  return new Proxy(redis, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (!['eval', 'evalsha', 'hdel'].includes(String(name))) return value.bind(target);
      return async (...args: unknown[]) => {
        commands += 1;
        if (commands > n || (commands === n && !isDone)) throw new Error('broken');
        const reply: unknown = await value.apply(target, args);
        if (commands === n) throw new Error('broken');
        return reply;
      };
    },
  });
}

/** @returns false when it did not come to its n-th command. */
async function dies(of: LostCatalog, n: number, isDone: boolean): Promise<boolean> {
  try {
    await restoreCatalog(breaking(n, isDone), of, 1);
    return false;
  } catch (error) {
    if (error instanceof Error && error.message === 'broken') return true;
    throw error;
  }
}

async function expectFinished(registry: CatalogRegistry, of: LostCatalog): Promise<void> {
  const customers = of.objects.length - 3;
  // Whole or not there: also right after the last step, whose answer was lost.
  if (await registry.exists()) expect(await registry.countObjects('customer')).toBe(customers);
  else await expect(registry.getObject('plan', 'plan')).rejects.toMatchObject({ code: 'uninitialised' });
  await registry.restore(of, { shards: 1 });
  expect(await registry.countObjects('customer')).toBe(customers);
  expect(await registry.getObject('customer', `c-${customers - 1}`)).toMatchObject({ owner: 'api' });
  expect(await registry.getObject('plan', 'plan')).toMatchObject({ owner: 'file' });
  expect((await registry.ensureFenced()).uninitialised).toEqual(['s00']);
}

it('a restore that dies at any command is finished by the next one, and read by nobody before it is whole', async () => {
  const registry = new CatalogRegistry(redis);
  let deaths = 0;
  for (const isDone of [false, true]) {
    for (let n = 1; ; n++) {
      await redis.flushall();
      if (!(await dies(lost, n, isDone))) break;
      deaths += 1;
      await expectFinished(registry, lost);
    }
  }
  expect(deaths).toBeGreaterThan(10);
});

it('so is one that dies while it stages more objects than one call takes, once its lease is over', async () => {
  const large = lostWith(2_500);
  const registry = new CatalogRegistry(redis);
  await redis.flushall();
  expect(await dies(large, 4, true)).toBe(true);
  await expectFinished(registry, large);
});

it('versions and epoch begin past what anybody has seen, and a catalog that is there is not touched', async () => {
  await redis.flushall();
  const registry = new CatalogRegistry(redis);
  expect(await registry.restore({ ...lost, epochMs: 9_000_000_000_000 }, { shards: 1 })).toBe(lost.objects.length);
  const head = await registry.store.head();
  expect(head.version).toBeGreaterThan(lost.version);
  expect(head.epochMs).toBe(9_000_000_000_001);
  expect(await registry.restore({ ...lost, version: 10_000 }, { shards: 1 })).toBe(0);
  expect(await registry.store.head()).toMatchObject({ version: head.version, epochMs: head.epochMs });
  expect(await redis.hexists(CATALOG_META_KEY, 'restoring')).toBe(0);
});
