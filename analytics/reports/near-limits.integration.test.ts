import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { nearLimits } from './near-limits.js';

const NOVEMBER = Date.UTC(2026, 10, 1);
const NOW = Date.UTC(2026, 10, 20);
const quota = (id: string, amount: number) => ({ id, kind: 'quota', amount, window: { every: 'month' } });
const customers = Array.from({ length: 30 }, (_, index) => ({
  id: `customer-${String(index).padStart(2, '0')}`,
  plan: index % 3 === 0 ? 'big' : 'pro',
}));
const catalog = reportCatalog(
  catalogSchema.parse({
    meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
    features: [{ id: 'api', kind: 'metered', meter: 'calls' }],
    plans: [
      { id: 'pro', features: { api: { limits: [quota('monthly', 100_000)] } } },
      { id: 'big', features: { api: { limits: [quota('monthly', 200_000)] } } },
    ],
    customers: [
      ...customers,
      {
        id: 'nested',
        plan: 'pro',
        entities: [
          { id: 'team', features: { api: { limits: [quota('monthly', 50)] } } },
          { id: 'ann', parent: 'team' },
        ],
      },
    ],
  }),
);

let ledger: Ledger;

beforeAll(async () => {
  ledger = await Ledger.open();
  const use = (customer: string, amount: number, ...limits: (readonly [id: string, included: number])[]) => ({
    customer,
    feature: 'api',
    meter: 'calls',
    amount,
    limits: limits.map(([id, included]) => ({ id, included, windowStartMs: NOVEMBER, after: amount })),
  });
  await ledger.write([
    {
      chargedAtMs: NOW - 1_000,
      facts: [
        // 80 % to the unit, and one less: 79.999 % is shown as 80, and is not near 80.
        ...customers.map(({ id }, index) => use(id, 80_000 + index - 1, ['monthly', 100_000])),
        { ...use('nested', 45, ['monthly', 100_000], ['team/monthly', 50]), entity: 'ann' },
      ],
    },
  ]);
});

afterAll(() => ledger.close());

const ask = (limit: number, more: { cursor?: string | undefined; plan?: string; customer?: string } = {}) => {
  const request = { threshold: 80, limit, customer: '', plan: undefined, feature: undefined, cursor: undefined };
  return nearLimits(ledger.clickhouse, catalog, { ...request, ...more }, NOW);
};

it('an entity’s limit stands beside the customers’ own, by its name', async () => {
  const { rows } = await ask(1);
  expect(rows).toMatchObject([{ customer: 'nested', limit: 'team/monthly', used: 45, included: 50, percent: 90 }]);
});

it('a threshold is reached to the unit, and judged by what is included now', async () => {
  const { rows } = await ask(100);
  // The first is a unit short of it, and those of the larger plan have half of it left.
  const expected = customers.filter(({ plan }, index) => index > 0 && plan === 'pro').map(({ id }) => id);
  expect(rows.slice(1).map((row) => row.customer)).toEqual(expected.toReversed());
});

it('page after page brings every row once, in the same order', async () => {
  const whole = await ask(100);
  expect(whole.nextCursor).toBeUndefined();
  const pages = [];
  for (let cursor: string | undefined; ; ) {
    const page = await ask(7, { cursor });
    expect(page.rows.length).toBeLessThanOrEqual(7);
    pages.push(...page.rows);
    cursor = page.nextCursor;
    if (cursor === undefined) break;
  }
  expect(pages).toEqual(whole.rows);
  expect((await ask(100, { customer: 'customer-07' })).rows).toHaveLength(1);
  expect((await ask(100, { plan: 'big' })).rows).toEqual([]);
});
