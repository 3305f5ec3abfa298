import { afterAll, beforeAll, expect, it } from 'vitest';
import { WeirError } from '../../engine/index.js';
import { type Service, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { type System, startSystem } from '../test-support/system.js';

/** Redis is lost with all it has: killed, and started again empty. */

const limits = [
  { id: 'monthly', kind: 'quota', amount: 100, window: { every: 'month' }, warnAt: [50, 80] },
  { id: 'ever', kind: 'quota', amount: 1_000_000, window: { every: 'lifetime' } },
  { id: 'burst', kind: 'bucket', capacity: 1_000, refill: { amount: 1, everyMs: 86_400_000 } },
  { id: 'parallel', kind: 'concurrency', slots: 3 },
];
const team = [{ id: 'monthly', kind: 'quota', amount: 90, window: { every: 'month' } }];
const catalog = {
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'plan', features: { chat: { limits } } }],
  customers: [
    { id: 'acme', plan: 'plan', entities: [{ id: 'team', features: { chat: { limits: team } } }] },
    { id: 'idle', plan: 'plan' },
    { id: 'voider', plan: 'plan' },
  ],
};
let redis: Service;
let system: System;

beforeAll(async () => {
  system = await startSystem(catalog, async () => {
    redis = await startRedis();
    return redis;
  });
});

afterAll(() => system.stop());

const check = (customer: string, amount: number, entity?: string) =>
  system.engine.check({
    customer,
    feature: 'chat',
    amount,
    dryRun: false,
    ...(entity === undefined ? {} : { entity }),
  });

async function lose(): Promise<void> {
  await redis.kill('SIGKILL');
  await redis.restart();
  const codes = new Set<unknown>();
  await waitFor(
    async () => {
      codes.add(
        await check('acme', 1).then(
          () => 'decided',
          (error: unknown) => error instanceof WeirError && error.code,
        ),
      );
      return codes.has('uninitialised');
    },
    { timeoutMs: 20_000, what: 'Redis to be found empty' },
  );
  expect(codes).not.toContain('decided');
}

/** The engine has noticed that the shards decide again. */
async function untilDeciding(): Promise<void> {
  await waitFor(
    () =>
      system.engine.usage('acme').then(
        () => true,
        () => false,
      ),
    {
      timeoutMs: 20_000,
      what: 'checks to be decided again',
    },
  );
}

async function rebuild() {
  expect(await system.call('POST', '/v1/rebuild')).toMatchObject({ status: 202 });
  let state: Record<string, unknown> = {};
  const what = 'the rebuild to end';
  await waitFor(
    async () => {
      state = (await system.call('GET', '/v1/rebuild')).body;
      return state.status !== 'running';
    },
    { timeoutMs: 60_000, what },
  );
  return state;
}

const counters = async () => (await system.engine.usage('acme')).features.chat;

it('counters, buckets, thresholds, catalog and keys come back; nothing is counted twice', async () => {
  expect(await system.call('PUT', '/v1/customers/by-api', { id: 'by-api', plan: 'plan' })).toMatchObject({
    status: 201,
  });
  const made = await system.call('POST', '/v1/keys', { scopes: ['check'] });
  expect(made.status).toBe(201);
  expect(await check('acme', 55)).toMatchObject({ decision: { allowed: true, crossed: [{ threshold: 50 }] } });
  await check('acme', 10, 'team');
  await check('by-api', 3);
  await system.engine.reserve({ id: 'hold', customer: 'acme', feature: 'chat', amount: 5, ttlMs: 60_000 });
  expect(await system.call('GET', '/v1/reconcile')).toMatchObject({ body: { rows: [] } });
  const before = await counters();

  await lose();
  expect(await rebuild()).toMatchObject({ status: 'done', shards: ['s00'], customers: 4, customersTotal: 4 });
  await untilDeciding();
  const after = await counters();
  expect(before).toMatchObject({
    limits: { monthly: { used: 65, reserved: 5 }, burst: { remaining: 930 }, parallel: { inUse: 1 } },
  });
  expect(after).toMatchObject({
    limits: {
      monthly: { used: 65, reserved: 0 },
      ever: { used: 65 },
      burst: { remaining: 935 },
      parallel: { inUse: 0 },
    },
  });
  expect(await system.call('GET', '/v1/reconcile')).toMatchObject({ body: { rows: [], customers: 4 } });
  expect(await system.call('GET', '/v1/customers/by-api')).toMatchObject({ status: 200 });
  expect(system.engine.view.authenticate(String(made.body.key))).toMatchObject({ id: made.body.id });

  // 50 % was announced before; 80 % is new.
  expect(await check('acme', 1)).toMatchObject({ decision: { allowed: true, crossed: [] } });
  expect(await check('acme', 15)).toMatchObject({ decision: { allowed: true, crossed: [{ threshold: 80 }] } });
  expect(await check('acme', 30)).toMatchObject({ decision: { allowed: false } });
  expect(await system.call('GET', '/v1/reconcile')).toMatchObject({ body: { rows: [], customers: 4 } });
});

it('a second rebuild changes nothing', async () => {
  const before = await system.engine.usage('acme');
  expect(await rebuild()).toMatchObject({ status: 'done', shards: [], customers: 0 });
  expect(await system.engine.usage('acme')).toEqual(before);
});
