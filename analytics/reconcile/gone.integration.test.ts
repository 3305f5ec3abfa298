import { afterAll, beforeAll, expect, it } from 'vitest';
import { customerHolder, entityHolder, holderKey } from '../../engine/store/keys.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { type System, startSystem } from '../test-support/system.js';

const quota = (id: string, every: string) => ({ id, kind: 'quota', amount: 1_000, window: { every } });
const catalog = (customers: readonly object[]) => ({
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'plan', features: { chat: { limits: [quota('monthly', 'month')] } } }],
  customers,
});
const team = { id: 'team', features: { chat: { limits: [quota('daily', 'day')] } } };
let system: System;

beforeAll(async () => {
  const others = ['ann', 'ben', 'cid'].map((id) => ({ id, plan: 'plan' }));
  system = await startSystem(catalog([...others, { id: 'acme', plan: 'plan', entities: [team] }]));
});

afterAll(() => system.stop());

/** Asked again where a busy machine kept Redis from answering in time: nothing was charged then. */
const check = (customer: string, amount: number, entity?: string) =>
  waitFor(() => system.engine.check({ customer, feature: 'chat', amount, entity, dryRun: false }), {
    timeoutMs: 20_000,
    what: 'a check to be decided',
  });

/** Adds to `used` of a holder's only quota, as a hand on Redis might. */
async function manipulate(holder: string, add: number): Promise<void> {
  const key = holderKey('s00', holder);
  const state = await system.redis.getBuffer(key);
  if (state === null) throw new Error(`${holder} has no state`);
  const used = 18 + state.readUInt16LE(16) + 8;
  state.writeDoubleLE(state.readDoubleLE(used) + add, used);
  await system.redis.set(key, state);
}

it('customers and entities that have left the catalog are compared while the ledger names them', async () => {
  for (const customer of ['ann', 'ben', 'cid']) await check(customer, 5);
  await check('acme', 7, 'team');
  await system.apply(
    catalog([
      { id: 'ann', plan: 'plan' },
      { id: 'acme', plan: 'plan' },
    ]),
  );
  const pages: Record<string, unknown>[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await system.call('GET', `/v1/reconcile?limit=1${cursor}`);
    pages.push(body);
    if (body.nextCursor === undefined) break;
    cursor = `&cursor=${String(body.nextCursor)}`;
  }
  expect(pages).toMatchObject([1, 1, 0, 1, 1].map((customers) => ({ customers, rows: [] })));

  await manipulate(customerHolder('ben'), 3);
  await manipulate(entityHolder('acme', 'team'), 2);
  expect(await system.call('GET', '/v1/reconcile?customer=acme')).toMatchObject({
    body: { rows: [{ entity: 'team', limit: 'team/daily', counter: 9, ledger: 7, drift: 2 }] },
  });
  expect(await system.call('GET', '/v1/reconcile?customer=ben')).toMatchObject({
    body: { rows: [{ customer: 'ben', limit: 'monthly', counter: 8, ledger: 5, drift: 3 }] },
  });
  expect(await system.call('GET', '/v1/reconcile?customer=nobody')).toMatchObject({ status: 404 });
});
