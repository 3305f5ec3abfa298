import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../../loadtest/harness/wait-for.js';
import { type System, startSystem } from '../test-support/system.js';
import { overviewSchema } from './overview-schema.js';

/** What the console's pages over all accounts ask, of a whole system: overview, plans, customers, a customer's facts. */

const quota = (id: string, amount: number, every: string) => ({ id, kind: 'quota', amount, window: { every } });
const monthly = [quota('monthly', 100, 'month')];
const CATALOG = {
  meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
  features: [{ id: 'api', kind: 'metered', meter: 'calls' }],
  plans: [
    { id: 'pro', name: 'Pro', features: { api: { limits: monthly } } },
    { id: 'free', features: { api: { limits: [quota('daily', 10, 'day')] } } },
  ],
  customers: [
    { id: 'acme', name: 'Acme GmbH', plan: 'pro' },
    { id: 'globex', plan: 'pro' },
    { id: 'idle', plan: 'pro' },
    { id: 'small', plan: 'free' },
  ],
};

let system: System;

beforeAll(async () => {
  system = await startSystem(CATALOG);
  const check = (customer: string, amount: number) =>
    system.engine.check({ customer, feature: 'api', amount, dryRun: false });
  await check('acme', 45);
  await check('acme', 38);
  await check('acme', 50);
  await check('globex', 100);
  await check('small', 9);
  await waitFor(async () => Number((await ledger())?.facts) === 4, { timeoutMs: 50_000, what: 'the facts' });
});
afterAll(() => system.stop());

const overview = async () => overviewSchema.parse((await system.call('GET', '/v1/overview')).body);
const ledger = async () => (await overview()).ledger;

it('the overview has traffic of all gateways, each step of the pipeline, and what is near a limit', async () => {
  await waitFor(async () => (await overview()).nearLimits?.limits === 3, { timeoutMs: 20_000, what: 'near limits' });
  const pulse = { decisions: { ok: 30, limit_exceeded: 10 }, degraded: 0, events: {}, failures: 0, depth: 2 };
  await system.engine.pulses().tell({
    ...pulse,
    gateway: 'host/gateway-0',
    atMs: Date.now(),
    spanMs: 5_000,
    latency: Array.from({ length: 17 }, (_, index) => (index === 3 ? 40 : 0)),
    version: 1,
    outboxBytes: 0,
  });
  const silent = {
    ...pulse,
    gateway: 'host/gone',
    atMs: Date.now() - 3_600_000,
    spanMs: 5_000,
    latency: new Array(17).fill(0),
  };
  await system.engine.pulses().tell({ ...silent, version: 1, outboxBytes: 0 });
  await waitFor(async () => (await overview()).gateways?.length === 1, { timeoutMs: 20_000, what: 'the gateway' });
  const seen = await overview();
  expect(seen).toMatchObject({
    problems: [],
    traffic: { checksPerSecond: 8, deniedPerSecond: 2, deniedByReason: { limit_exceeded: 2 } },
    outbox: { entries: 0, lagSeconds: 0 },
    stream: { behind: 0, deadLetters: 0 },
    ledger: { facts: 4 },
    drift: { windows: 0 },
    nearLimits: { threshold: 80, customers: 3, exhausted: 1, more: false },
    customers: 4,
  });
  expect(seen.traffic?.latencyMs?.p50).toBeCloseTo(0.75, 3);
  expect(seen.sink.rows).toBeGreaterThan(0);
  expect(seen.nearLimits?.rows[0]).toMatchObject({ customer: 'globex', percent: 100 });
  // What was silent for long is forgotten.
  expect(await system.redis.hkeys('{catalog}:gateways')).toEqual(['host/gateway-0']);
});

it('a customer’s facts come newest first, page by page, with what the limits stood at', async () => {
  const first = await system.call('GET', '/v1/customers/acme/events?limit=1');
  expect(first.body.rows).toMatchObject([
    { customer: 'acme', feature: 'api', amount: 38, kind: 'check', limits: { monthly: { after: 83, included: 100 } } },
  ]);
  const second = await system.call('GET', `/v1/customers/acme/events?limit=1&cursor=${first.body.nextCursor}`);
  expect(second.body.rows).toMatchObject([{ amount: 45 }]);
  expect(second.body.nextCursor).toBeUndefined();
  expect((await system.call('GET', '/v1/customers/acme/events?feature=none')).body.rows).toEqual([]);
  expect((await system.call('GET', '/v1/customers/acme/events?cursor=nonsense')).status).toBe(400);
});

it('plans say how many customers they have, and how far these are', async () => {
  const rows = await plans();
  const tenths = (...at: readonly [number, number][]) =>
    Array.from({ length: 11 }, (_, index) => new Map(at).get(index) ?? 0);
  expect(rows).toEqual([
    {
      plan: 'free',
      name: 'free',
      customers: 1,
      near: 1,
      limits: [
        expect.objectContaining({
          limit: 'daily',
          every: 'day',
          included: 10,
          using: 1,
          near: 1,
          exhausted: 0,
          distribution: tenths([9, 1]),
        }),
      ],
    },
    {
      plan: 'pro',
      name: 'Pro',
      customers: 3,
      near: 2,
      limits: [
        expect.objectContaining({
          limit: 'monthly',
          using: 2,
          near: 2,
          exhausted: 1,
          distribution: tenths([8, 1], [10, 1]),
        }),
      ],
    },
  ]);
});

const plans = async () => (await system.call('GET', '/v1/reports/plans')).body.rows;

it('customers are found by a part of id or name, by plan, page by page', async () => {
  const ids = async (query: string) => {
    const { body } = await system.call('GET', `/v1/reports/customers?${query}`);
    return Array.isArray(body.rows) ? body.rows.map((row: { customer: string }) => row.customer) : body;
  };
  expect(await ids('')).toEqual(['acme', 'globex', 'idle', 'small']);
  expect(await ids('text=gmbh')).toEqual(['acme']);
  expect(await ids('text=L&plan=pro')).toEqual(['globex', 'idle']);
  const page = await system.call('GET', '/v1/reports/customers?limit=3');
  expect(await ids(`limit=3&cursor=${page.body.nextCursor}`)).toEqual(['small']);
  const found = await system.call('GET', '/v1/reports/customers?plan=pro&limit=2');
  expect(await ids(`plan=pro&limit=2&cursor=${found.body.nextCursor}`)).toEqual(['idle']);
});
