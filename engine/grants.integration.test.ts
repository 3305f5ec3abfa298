import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Service, startRedis } from '../loadtest/harness/services.js';
import { parseCatalog } from './catalog/document.js';
import { connectRedis, type RedisClient } from './catalog/redis.js';
import { CatalogRegistry } from './catalog/registry.js';
import { createEngine, type WeirEngine } from './create.js';

/** Grants that begin and end, as a gateway decides by them: no write of the catalog tells of it. */
const AUTHOR = { owner: 'test', actor: 'test' };
const START_MS = Date.parse('2026-11-10T08:00:00Z');
const HOUR_MS = 3_600_000;
const monthly = { id: 'monthly', kind: 'quota', amount: 10, window: { every: 'month' }, warnAt: [100] };
const grant = { id: 'launch', feature: 'chat', limit: 'monthly', amount: 5, endsAt: '2026-11-10T10:00:00Z' };

let service: Service;
let redis: RedisClient;
let engine: WeirEngine;
let nowMs = START_MS;

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
  const registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  const catalog = {
    meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'count' }],
    features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
    plans: [{ id: 'pro', features: { chat: { limits: [monthly] } } }],
    customers: [
      {
        id: 'acme',
        plan: 'pro',
        grants: [
          { ...grant, startsAt: '2026-11-10T09:00:00Z' },
          { ...grant, id: 'two' },
        ],
      },
      { id: 'late', plan: 'pro', grants: [grant] },
    ],
  };
  expect(await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).toMatchObject({ status: 'applied' });
  engine = await createEngine({ redis: service.url, clockMs: () => nowMs });
});
afterEach(() => {
  nowMs = START_MS;
});
afterAll(async () => {
  await engine.close();
  redis.disconnect();
  await service.stop();
});

async function check(customer: string, amount: number) {
  const outcome = await engine.check({ customer, feature: 'chat', amount, dryRun: false });
  return outcome.status === 'decided' ? outcome.decision : expect.unreachable(outcome.code);
}

it('more is admitted while grants stand, by their half-open terms, and counters stay', async () => {
  expect(await check('acme', 15)).toMatchObject({ allowed: true, limits: { monthly: { included: 15, used: 15 } } });
  expect(await check('acme', 1)).toMatchObject({ allowed: false, deniedBy: ['monthly'] });
  nowMs += HOUR_MS;
  expect(await check('acme', 5)).toMatchObject({ allowed: true, limits: { monthly: { included: 20, used: 20 } } });
  nowMs += HOUR_MS - 1;
  expect(await check('acme', 1)).toMatchObject({ allowed: false, limits: { monthly: { included: 20 } } });
  nowMs += 1;
  expect(await check('acme', 0)).toMatchObject({
    allowed: false,
    limits: { monthly: { included: 10, used: 20, overage: 10 } },
  });
  // A clock that goes back finds the grants of its time.
  nowMs = START_MS;
  expect(await check('acme', 0)).toMatchObject({ limits: { monthly: { included: 15 } } });
});

it('a grant that was over when the window turned stays over', async () => {
  nowMs = Date.parse('2026-12-01T00:00:00Z');
  expect(await check('late', 11)).toMatchObject({ allowed: false, limits: { monthly: { included: 10, used: 0 } } });
  expect(await check('late', 10)).toMatchObject({ allowed: true, limits: { monthly: { used: 10 } } });
});
