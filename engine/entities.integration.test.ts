import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Service, startRedis, waitFor } from '../loadtest/harness/services.js';
import { parseCatalog } from './catalog/document.js';
import { connectRedis, type RedisClient } from './catalog/redis.js';
import { CatalogRegistry } from './catalog/registry.js';
import { createEngine, type WeirEngine } from './create.js';

/** Nested holders and concurrency limits: decided in the same step as the customer's own limits. */
const AUTHOR = { owner: 'test', actor: 'test' };
const day = (id: string, amount: number): object => ({ id, kind: 'quota', amount, window: { every: 'lifetime' } });
const chat = (...limits: object[]): object => ({ chat: { limits } });
const catalog = {
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'plan', features: chat(day('total', 100), { id: 'parallel', kind: 'concurrency', slots: 3 }) }],
  customers: [
    {
      id: 'acme',
      plan: 'plan',
      entities: [
        { id: 'team', features: chat(day('total', 50)) },
        { id: 'ann', parent: 'team', features: chat(day('daily', 20), { id: 'seats', kind: 'concurrency', slots: 1 }) },
        { id: 'bob', parent: 'team' },
      ],
    },
    { id: 'other', plan: 'plan' },
  ],
};

let service: Service;
let redis: RedisClient;
let engine: WeirEngine;

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
});

beforeEach(async () => {
  await redis.flushall();
  const registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  expect(await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).toMatchObject({ status: 'applied' });
  engine = await createEngine({ redis: service.url, storeTimeoutMs: 5_000, storeFateMs: 5_000 });
});

afterEach(() => engine.close());
afterAll(async () => {
  redis.disconnect();
  await service.stop();
});

async function check(amount: number, entity?: string, customer = 'acme') {
  const outcome = await engine.check({ customer, feature: 'chat', amount, entity, dryRun: false });
  if (outcome.status === 'failed') throw new Error(outcome.code);
  return outcome.decision;
}
const reserve = (id: string, entity?: string, ttlMs = 60_000, amount = 1) =>
  engine.reserve({ customer: 'acme', id, feature: 'chat', amount, entity, ttlMs });

test('an operation on an entity is charged to it and every ancestor, or to none', async () => {
  expect(await check(20, 'ann')).toMatchObject({
    allowed: true,
    limits: { total: { used: 20 }, 'team/total': { used: 20 }, 'ann/daily': { used: 20 } },
  });
  expect(await check(1, 'ann')).toMatchObject({ allowed: false, deniedBy: ['ann/daily'] });
  expect(await check(31, 'bob')).toMatchObject({ allowed: false, deniedBy: ['team/total'] });
  expect(await check(30, 'bob')).toMatchObject({
    allowed: true,
    limits: { total: { used: 50 }, 'team/total': { used: 50 } },
  });
  expect(await check(51)).toMatchObject({ allowed: false, deniedBy: ['total'] });
  const usage = await engine.usage('acme', 'ann');
  expect(usage.features.chat?.limits).toMatchObject({
    total: { used: 50 },
    'team/total': { used: 50 },
    'ann/daily': { used: 20 },
  });
});

test('an event on an entity is charged to its limits too, and an entity of nobody is refused', async () => {
  const event = { id: '1', source: 's', type: 'llm', customer: 'acme', data: { tokens: 7 } };
  expect(
    await engine.record([
      { ...event, entity: 'ann' },
      { ...event, id: '2', entity: 'eve' },
    ]),
  ).toMatchObject([{ status: 'accepted' }, { status: 'rejected', code: 'unknown_entity' }]);
  expect((await engine.usage('acme', 'ann')).features.chat?.limits).toMatchObject({ 'ann/daily': { used: 7 } });
  await expect(check(1, 'eve')).rejects.toThrow('unknown_entity');
  await expect(check(1, 'ann', 'other')).rejects.toThrow('unknown_entity');
});

test('a hold on an entity goes back to every holder: by release, by commit, by expiry', async () => {
  await reserve('a', 'ann', 60_000, 10);
  await engine.release({ customer: 'acme', id: 'a' });
  await reserve('b', 'ann', 60_000, 10);
  expect(await engine.commit({ customer: 'acme', id: 'b', amount: 4 })).toMatchObject({
    decision: {
      limits: {
        total: { used: 4, reserved: 0 },
        'team/total': { used: 4 },
        'ann/daily': { used: 4, reserved: 0 },
        parallel: { inUse: 0 },
      },
    },
  });
  await reserve('c', 'ann', 1, 10);
  await waitFor(async () => (await engine.usage('acme')).features.chat?.limits.parallel?.remaining === 3, {
    timeoutMs: 5_000,
    what: 'the hold to expire',
  });
  const { features } = await engine.usage('acme', 'ann');
  expect(features.chat?.limits).toMatchObject({ 'ann/daily': { used: 4, reserved: 0 }, 'ann/seats': { inUse: 0 } });
});

test('a reservation takes a slot of each concurrency limit until it is settled; heartbeats keep it', async () => {
  expect((await reserve('a', 'ann')).decision).toMatchObject({
    allowed: true,
    limits: { parallel: { inUse: 1, remaining: 2 } },
  });
  expect((await reserve('b', 'ann')).decision).toMatchObject({
    allowed: false,
    deniedBy: ['ann/seats'],
    retryAfterMs: null,
  });
  await reserve('c', 'bob');
  await reserve('d');
  expect((await reserve('e')).decision).toMatchObject({ allowed: false, deniedBy: ['parallel'] });
  expect(await check(1)).toMatchObject({ allowed: false, deniedBy: ['parallel'] });
  const { expiresAtMs } = await engine.heartbeat({ customer: 'acme', id: 'd', ttlMs: 3_600_000 });
  expect(expiresAtMs).toBeGreaterThan(Date.now() + 3_000_000);
  await engine.release({ customer: 'acme', id: 'a' });
  expect((await reserve('f', 'ann')).decision).toMatchObject({ allowed: true });
});

test('what was never acquired cannot be given back, and nobody settles the hold of another', async () => {
  await reserve('a');
  const unknown = { code: 'unknown_reservation' };
  await expect(engine.release({ customer: 'acme', id: 'never' })).rejects.toMatchObject(unknown);
  await expect(engine.commit({ customer: 'other', id: 'a', amount: 1 })).rejects.toMatchObject(unknown);
  await expect(engine.heartbeat({ customer: 'other', id: 'a', ttlMs: 1 })).rejects.toMatchObject(unknown);
  await engine.release({ customer: 'acme', id: 'a' });
  await expect(engine.heartbeat({ customer: 'acme', id: 'a', ttlMs: 1 })).rejects.toMatchObject({
    code: 'already_released',
  });
});

test('entities in a circle, too deep, or below nobody are faults of the catalog', async () => {
  const registry = new CatalogRegistry(redis);
  const chain = Array.from({ length: 6 }, (_, index) => ({
    id: `e${index}`,
    ...(index === 0 ? {} : { parent: `e${index - 1}` }),
  }));
  for (const entities of [
    [
      { id: 'a', parent: 'b' },
      { id: 'b', parent: 'a' },
    ],
    [{ id: 'a', parent: 'nobody' }],
    chain,
  ]) {
    const refused = registry.putObject('customer', 'acme', { plan: 'plan', entities }, AUTHOR);
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
  }
  const unknown = registry.putObject(
    'customer',
    'acme',
    { plan: 'plan', entities: [{ id: 'a', features: { nothing: {} } }] },
    AUTHOR,
  );
  await expect(unknown).rejects.toMatchObject({ code: 'invalid_catalog' });
});
