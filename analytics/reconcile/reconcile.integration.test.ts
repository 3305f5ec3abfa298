import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { WeirEngine } from '../../engine/index.js';
import { customerHolder, entityHolder, holderKey } from '../../engine/store/keys.js';
import { type System, startSystem } from '../test-support/system.js';

const quota = (id: string, every: string, timezone?: string): object => ({
  id,
  kind: 'quota',
  amount: 1_000_000,
  window: { every, ...(timezone === undefined ? {} : { timezone }) },
});
const bucket = { id: 'burst', kind: 'bucket', capacity: 1_000_000, refill: { amount: 1, everyMs: 1_000 } };
const seats = { id: 'seats', kind: 'concurrency', slots: 100 };
const FULL = [quota('monthly', 'month'), quota('ever', 'lifetime'), bucket, seats];

const CUSTOMERS = ['ann', 'ben', 'cid'];
const catalog = (limits: readonly object[]): object => ({
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'plan', features: { chat: { limits } } }],
  customers: [
    ...CUSTOMERS.map((id) => ({ id, plan: 'plan' })),
    {
      id: 'acme',
      plan: 'plan',
      entities: [
        { id: 'team', features: { chat: { limits: [quota('daily', 'day')] } } },
        { id: 'bob', parent: 'team', features: { chat: { limits: [quota('own', 'hour')] } } },
      ],
    },
  ],
});

let system: System;
let engine: WeirEngine;

beforeAll(async () => {
  system = await startSystem(catalog(FULL));
  engine = system.engine;
});

afterAll(() => system.stop());

// Every test has customers of its own by what it does to them; all begin in agreement.
beforeEach(() => system.apply(catalog(FULL)));

const reconcile = async (query = ''): Promise<Record<string, unknown>> => {
  const { status, body } = await system.call('GET', `/v1/reconcile${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};

const check = async (customer: string, amount: number, entity?: string): Promise<void> => {
  const outcome = await engine.check({ customer, feature: 'chat', amount, entity, dryRun: false });
  expect(outcome).toMatchObject({ status: 'decided', decision: { allowed: true } });
};

const event = (customer: string, id: string, tokens: number, happenedAtMs?: number) => ({
  ...{ customer, id, source: 'test', type: 'llm', data: { tokens } },
  happenedAtMs,
});

it('counters and ledger agree as of one point while checks, events, holds and entities go on', async () => {
  let working = true;
  let checks = 0;
  const load = CUSTOMERS.map(async (customer) => {
    while (working) {
      await check(customer, 1 + (++checks % 7));
      if (checks % 50 === 0) await check('acme', 3, checks % 100 === 0 ? 'bob' : 'team');
    }
  });
  const dayBefore = Date.now() - 86_400_000;
  await engine.record([
    event('ben', 'now', 11),
    event('ben', 'late', 13, dayBefore),
    event('cid', 'old', 5, 86_400_000),
  ]);
  const reservation = { id: 'hold', customer: 'cid', feature: 'chat' };
  await engine.reserve({ ...reservation, amount: 100, ttlMs: 60_000 });
  await engine.reserve({ ...reservation, id: 'open', amount: 50, ttlMs: 60_000 });
  await engine.commit({ id: 'hold', customer: 'cid', amount: 40 });
  const found: Record<string, unknown>[] = [];
  for (let round = 0; round < 5; round++) found.push(await reconcile());
  working = false;
  await Promise.all(load);
  found.push(await reconcile());
  for (const each of found) expect(each).toMatchObject({ rows: [], customers: 4, restarted: 0, customersTotal: 4 });
  // monthly with the month before and ever, of four customers; the team's day and Bob's hour, each with the one before.
  expect(found.at(-1)?.windows).toBe(4 * 3 + 2 * 2);
  expect(checks).toBeGreaterThan(100);
});

it('customers come page by page', async () => {
  const first = await reconcile('?limit=3');
  expect(first).toMatchObject({ rows: [], customers: 3, customersTotal: 4 });
  const second = await reconcile(`?limit=3&cursor=${String(first.nextCursor)}`);
  expect(second).toMatchObject({ rows: [], customers: 1 });
  expect(second).not.toHaveProperty('nextCursor');
});

/** Adds to `used` of the first quota of a holder, as a hand on Redis might. */
async function manipulate(holder: string, add: number): Promise<void> {
  const key = holderKey('s00', holder);
  const state = await system.redis.getBuffer(key);
  if (state === null) throw new Error(`${holder} has no state`);
  let at = 18 + state.readUInt16LE(16);
  for (let entry = 18; state[entry] !== 2; entry += 9) at += state[entry] === 1 ? 32 : 8;
  state.writeDoubleLE(state.readDoubleLE(at + 8) + add, at + 8);
  await system.redis.set(key, state);
}

it('a counter that was changed by hand is drift by that amount, of a customer and of an entity', async () => {
  await check('ann', 20);
  await check('acme', 30, 'team');
  expect(await reconcile()).toMatchObject({ rows: [] });
  await manipulate(customerHolder('ann'), 7);
  await manipulate(entityHolder('acme', 'team'), -5);
  const { rows } = await reconcile();
  expect(rows).toMatchObject([
    { customer: 'acme', entity: 'team', feature: 'chat', limit: 'team/daily', drift: -5 },
    { customer: 'ann', entity: null, feature: 'chat', limit: 'monthly', drift: 7 },
  ]);
  expect(await reconcile('?customer=ben')).toMatchObject({ rows: [], customers: 1, customersTotal: 1 });
  await manipulate(customerHolder('ann'), -7);
  await manipulate(entityHolder('acme', 'team'), 5);
  expect(await reconcile()).toMatchObject({ rows: [] });
});

it('a fact that is gone is drift by its amount, in each window that it was charged to', async () => {
  await engine.record([event('ben', 'gone', 17)]);
  expect(await reconcile()).toMatchObject({ rows: [] });
  await system.clickhouse.command(
    "ALTER TABLE usage_facts DELETE WHERE customer = 'ben' AND id = 'gone' SETTINGS mutations_sync = 1",
  );
  const { rows } = await reconcile();
  expect(rows).toMatchObject([
    { customer: 'ben', limit: 'monthly', drift: 17 },
    { customer: 'ben', limit: 'ever', drift: 17 },
  ]);
});

it('a counter that is gone is drift by all that was charged, and stays so when it counts anew', async () => {
  await check('cid', 9);
  const { rows: none } = await reconcile('?customer=cid');
  expect(none).toEqual([]);
  await system.redis.del(holderKey('s00', customerHolder('cid')));
  const { rows: gone } = await reconcile('?customer=cid');
  const charged = (gone as { ledger: number; drift: number; limit: string }[]).map((row) => [row.limit, row.ledger]);
  expect(gone).toMatchObject([
    { limit: 'monthly', counter: 0 },
    { limit: 'ever', counter: 0 },
  ]);
  await check('cid', 4);
  const { rows: anew } = await reconcile('?customer=cid');
  expect(anew).toEqual(
    charged.map(([limit, ledger]) =>
      expect.objectContaining({ limit, counter: 4, ledger: Number(ledger) + 4, drift: -Number(ledger) }),
    ),
  );
});

it('a limit that is defined anew begins at 0, and agrees with the ledger since then', async () => {
  await check('acme', 10);
  // The same months under another spelling: another definition.
  await system.apply(catalog([quota('monthly', 'month', 'Etc/UTC'), quota('ever', 'lifetime')]));
  expect(await reconcile('?customer=acme')).toMatchObject({ rows: [], restarted: 0 });
  await check('acme', 6);
  expect(await reconcile('?customer=acme')).toMatchObject({ rows: [], restarted: 1 });
  await manipulate(customerHolder('acme'), 1);
  expect(await reconcile('?customer=acme')).toMatchObject({ rows: [{ drift: 1 }] });
  await manipulate(customerHolder('acme'), -1);
});

it('an event that is taken back leaves no drift, neither in this window nor in the one before', async () => {
  const month = new Date();
  const monthBefore = Date.UTC(month.getUTCFullYear(), month.getUTCMonth() - 1, 15);
  await engine.record([event('acme', 'wrong', 21), event('acme', 'before', 8, monthBefore), event('acme', 'right', 2)]);
  const { rows: before } = await reconcile('?customer=acme');
  for (const id of ['wrong', 'before']) {
    const request = { customer: 'acme', source: 'test', id, reason: 'it was wrong' };
    expect(await system.call('POST', '/v1/events/void', request)).toMatchObject({ status: 200 });
  }
  const { rows: after } = await reconcile('?customer=acme');
  expect(after).toEqual(before);
  expect(after).toEqual([]);
});

it('a commit on a limit that left the plan, which no fact names, is drift and not hidden', async () => {
  await system.apply(catalog([...FULL, quota('extra', 'month')]));
  await engine.reserve({ id: 'left', customer: 'ann', feature: 'chat', amount: 5, ttlMs: 60_000 });
  await system.apply(catalog(FULL));
  await engine.commit({ id: 'left', customer: 'ann', amount: 5 });
  // Never charged by a fact, it has no name; the amounts tell.
  expect(await reconcile('?customer=ann')).toMatchObject({
    rows: [{ customer: 'ann', feature: null, limit: null, counter: 5, ledger: 0, drift: 5 }],
  });
});

it('a customer that is not in the catalog is refused', async () => {
  expect(await system.call('GET', '/v1/reconcile?customer=nobody')).toMatchObject({ status: 404 });
});
