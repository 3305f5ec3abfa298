import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import { storeForecasts } from '../forecast/forecast-table.js';
import type { Forecast } from '../forecast/forecaster.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { nearLimits } from './near-limits.js';

const NOVEMBER = Date.UTC(2026, 10, 1);
const YEAR = Date.UTC(2026, 0, 1);
const NOW = Date.UTC(2026, 10, 20);
const quota = (id: string, amount: number, every = 'month') => ({ id, kind: 'quota', amount, window: { every } });
const customers = Array.from({ length: 30 }, (_, index) => ({
  id: `customer-${String(index).padStart(2, '0')}`,
  plan: index % 3 === 0 ? 'big' : 'pro',
}));
const catalog = reportCatalog(
  catalogSchema.parse({
    meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
    features: [
      { id: 'api', kind: 'metered', meter: 'calls' },
      { id: 'jobs', kind: 'metered', meter: 'calls' },
    ],
    plans: [
      { id: 'pro', features: { api: { limits: [quota('monthly', 100_000)] } } },
      { id: 'big', features: { api: { limits: [quota('monthly', 200_000)] } } },
      {
        id: 'long',
        features: {
          api: { limits: [quota('ever', 10, 'lifetime'), quota('yearly', 10, 'year'), quota('daily', 10, 'day')] },
          // Another limit of the same name, which reaches further back.
          jobs: { limits: [quota('daily', 10, 'year')] },
        },
      },
    ],
    customers: [
      ...customers,
      { id: 'old', plan: 'long' },
      { id: 'granted', plan: 'pro', grants: [{ id: 'more', feature: 'api', limit: 'monthly', amount: 100_000 }] },
      {
        id: 'nested',
        plan: 'pro',
        entities: [
          {
            id: 'team',
            features: { api: { limits: [quota('monthly', 50)] }, jobs: { limits: [quota('monthly', 10, 'year')] } },
          },
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
  const january = { feature: 'jobs', meter: 'calls', amount: 9 };
  const since = (windowStartMs: number, ...ids: string[]) =>
    ids.map((id) => ({ id, included: 10, windowStartMs, after: 9 }));
  await ledger.write([
    {
      chargedAtMs: Date.UTC(2026, 0, 2),
      facts: [
        { ...january, customer: 'old', feature: 'api', limits: [...since(0, 'ever'), ...since(YEAR, 'yearly')] },
        { ...january, customer: 'old', limits: since(YEAR, 'daily') },
        { ...january, customer: 'nested', entity: 'team', limits: since(YEAR, 'team/monthly') },
      ],
    },
    {
      chargedAtMs: NOW - 1_000,
      facts: [
        // 80 % to the unit, and one less: 79.999 % is shown as 80, and is not near 80.
        ...customers.map(({ id }, index) => use(id, 80_000 + index - 1, ['monthly', 100_000])),
        // Of 200 000 since a grant was made.
        use('granted', 90_000, ['monthly', 100_000]),
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

it('a window that began long ago is still found: of a year or for ever, of an entity, under a name that others share', async () => {
  const { rows } = await ask(100, { customer: 'old' });
  expect(rows.map((row) => [row.feature, row.limit, row.used]).sort()).toEqual([
    ['api', 'ever', 9],
    ['api', 'yearly', 9],
    ['jobs', 'daily', 9],
  ]);
  const nested = await ask(100, { customer: 'nested' });
  expect(nested.rows).toContainEqual(expect.objectContaining({ feature: 'jobs', limit: 'team/monthly', used: 9 }));
});

it('a threshold is reached to the unit, and judged by what is included now', async () => {
  const { rows } = await ask(100);
  // The first is a unit short of it, and those of the larger plan have half of it left.
  const expected = customers.filter(({ plan }, index) => index > 0 && plan === 'pro').map(({ id }) => id);
  const others = rows.map((row) => row.customer).filter((customer) => customer !== 'nested' && customer !== 'old');
  expect(others).toEqual(expected.toReversed());
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

it('a row tells what the forecast of its window says, and nothing of one of another window', async () => {
  const [startMs, endMs] = [NOVEMBER, Date.UTC(2026, 11, 1)];
  const forecast = (customer: string, window: Forecast['window']): Forecast => ({
    customer,
    feature: 'api',
    limit: 'monthly',
    meter: 'calls',
    window,
    included: 100_000,
    cap: 100_000,
    used: 80_006,
    expected: 126_325,
    low: 120_000,
    high: 130_000,
    reachesAtMs: NOW + 3_600_000,
    reachesFromMs: NOW,
    reachesToMs: endMs,
    asOfMs: NOW,
  });
  const before = { startMs: Date.UTC(2026, 9, 1), endMs: startMs };
  await storeForecasts(ledger.clickhouse, [
    forecast('customer-07', { startMs, endMs }),
    forecast('customer-08', before),
  ]);
  const rowOf = async (customer: string) => (await ask(100, { customer })).rows[0];
  expect(await rowOf('customer-07')).toMatchObject({ expected: 126_325, reachesAt: '2026-11-20T01:00:00.000Z' });
  expect(await rowOf('customer-08')).toMatchObject({ used: 80_007, expected: null, reachesAt: null });
});
