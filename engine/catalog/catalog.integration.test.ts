import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Service, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { shardStateKey } from '../store/keys.js';
import { openCatalogView, parseCatalog, type RedisCatalogView } from './index.js';
import { connectRedis } from './redis.js';
import { CatalogRegistry } from './registry.js';

let service: Service;
let redis: Redis;
let registry: CatalogRegistry;
const views: RedisCatalogView[] = [];

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
});
afterAll(async () => {
  for (const view of views) await view.close();
  redis.disconnect();
  await service.stop();
});
beforeEach(async () => {
  for (const view of views.splice(0)) await view.close();
  await redis.flushall();
  registry = new CatalogRegistry(redis);
});

const file = { owner: 'file', actor: 'file:test.yaml' };
const openView = async (): Promise<RedisCatalogView> => {
  const view = await openCatalogView({ redis: service.url });
  views.push(view);
  return view;
};

/** Epoch and version of a shard's fence. */
async function fenceOf(shard: string): Promise<{ epochMs: number; version: number } | undefined> {
  const state = await redis.getBuffer(shardStateKey(shard));
  return state === null ? undefined : { epochMs: state.readDoubleLE(0), version: state.readDoubleLE(8) };
}

const CATALOG = `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.totalTokens }
features:
  - { id: chat, kind: metered, meter: tokens }
plans:
  - id: pro
    features:
      chat:
        limits:
          - { id: monthly, kind: quota, amount: 1000, window: { every: month } }
customers:
  - { id: acme, plan: pro }
`;

describe('a change of the catalog', () => {
  it('is fenced on every shard, and seen by a view that was open before', async () => {
    const made = await registry.initialise({ shards: 4 });
    expect(made).toMatchObject({ created: true, version: 0, shards: 4, uninitialised: [] });
    const view = await openView();
    expect(view.version).toBe(0);
    const outcome = await registry.apply(parseCatalog(CATALOG), file);
    expect(outcome).toMatchObject({ status: 'applied', version: 1 });
    for (const shard of ['s00', 's01', 's02', 's03']) {
      expect(await fenceOf(shard)).toEqual({ epochMs: made.epochMs, version: 1 });
    }
    expect(await view.catchUp()).toBe(1);
    expect(view.plan('pro')?.features.chat).toMatchObject({ limits: [{ id: 'monthly', amount: 1000 }] });
    expect(view.metersOfType('llm.request').map(({ id }) => id)).toEqual(['tokens']);
    expect(view.customer('acme')).toBeUndefined();
    expect(await view.loadCustomer('acme')).toMatchObject({ id: 'acme', plan: 'pro', status: 'active' });
    expect(view.customer('acme')).toMatchObject({ id: 'acme' });
    expect(await view.loadCustomer('nobody')).toBeNull();
    expect(view.customer('nobody')).toBeNull();
  });

  it('comes to open views without being asked for', async () => {
    await registry.initialise({ shards: 1 });
    const some = await Promise.all([openView(), openView(), openView()]);
    const start = performance.now();
    await registry.apply(parseCatalog(CATALOG), file);
    await waitFor(() => some.every((view) => view.version === 1), { timeoutMs: 1000, what: 'three views to follow' });
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
