import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import { forecastRows } from '../reports/forecasts.js';
import { DEFAULT_RULES } from '../signals/rules-file.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { startForecasts } from './start.js';

const DAY_MS = 86_400_000;
const NOVEMBER = Date.UTC(2026, 10, 1);
/** A Monday: three weeks of November are over. */
const NOW = Date.UTC(2026, 10, 23);
const quota = (id: string, amount: number, every = 'month', more = {}) => ({
  id,
  kind: 'quota',
  amount,
  window: { every },
  ...more,
});
const ids = ['steady', 'over', 'idle', 'lifelong', 'changed', 'gone'];
const document = (included: number, present = ids) =>
  catalogSchema.parse({
    meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
    features: [{ id: 'api', kind: 'metered', meter: 'calls' }],
    plans: [
      { id: 'pro', features: { api: { limits: [quota('monthly', included, 'month', { overage: { upTo: 500 } })] } } },
      { id: 'once', features: { api: { limits: [quota('ever', 100_000, 'lifetime')] } } },
    ],
    customers: present.map((id) => ({ id, plan: id === 'lifelong' ? 'once' : 'pro' })),
  });

let ledger: Ledger;
let now = NOW;
const catalog = reportCatalog(document(2_600));
const watch = (customers = ids) =>
  startForecasts({
    clickhouse: ledger.clickhouse,
    catalog,
    rules: DEFAULT_RULES,
    listCustomers: async () => ({ ids: customers, cursor: null }),
    registry: new Registry(),
    log: { info: () => undefined, warn: () => undefined },
    everySeconds: 0,
    now: () => now,
  });

/** One fact a working day at noon, from seven weeks before until `untilMs`. */
const use = (customer: string, amount: number, limit = 'monthly', untilMs = NOW) => {
  const entries = [];
  for (let at = NOW - 49 * DAY_MS + DAY_MS / 2; at < untilMs; at += DAY_MS) {
    if ([0, 6].includes(new Date(at).getUTCDay())) continue;
    const windowStartMs = limit === 'ever' ? 0 : Date.UTC(2026, new Date(at).getUTCMonth(), 1);
    const limits = [{ id: limit, included: 2_600, windowStartMs }];
    entries.push({ chargedAtMs: at, facts: [{ customer, feature: 'api', meter: 'calls', amount, limits }] });
  }
  return entries;
};

beforeAll(async () => {
  ledger = await Ledger.open();
  await ledger.write([
    ...use('steady', 100),
    ...use('over', 150),
    ...use('idle', 100, 'monthly', NOVEMBER),
    ...use('lifelong', 1_000, 'ever'),
    ...use('changed', 10),
    ...use('gone', 10),
  ]);
});

afterAll(() => ledger.close());

const ask = async (more: { customer?: string; limit?: number; cursor?: string | undefined } = {}, current = catalog) =>
  forecastRows(ledger.clickhouse, current, { customer: '', limit: 100, cursor: undefined, ...more }, now);
const rowOf = async (customer: string) => (await ask({ customer })).rows[0];

it('a steady customer is foretold to the unit, and one that uses more reaches its limit on the day it does', async () => {
  expect(await watch().run()).toEqual({ whole: true, customers: 6 });
  // 15 working days are over, 6 are to come.
  expect(await rowOf('steady')).toMatchObject({
    window: { start: '2026-11-01T00:00:00.000Z', end: '2026-12-01T00:00:00.000Z' },
    ...{ included: 2_600, cap: 3_100, used: 1_500, expected: 2_100, low: 2_100, high: 2_100, reachesAt: null },
    asOf: '2026-11-23T00:00:00.000Z',
  });
  // 2 250 are used; the third working day from now goes past 2 600.
  const over = await rowOf('over');
  expect(over).toMatchObject({ used: 2_250, expected: 3_150, reachesAt: expect.stringMatching(/^2026-11-25T12:/) });
  expect(over?.reachesFrom).toBe(over?.reachesTo);
});

it('a customer that has not used anything this month has used nothing, and is expected to use less than it did', async () => {
  const idle = await rowOf('idle');
  expect(idle?.used).toBe(0);
  expect(Number(idle?.expected)).toBeLessThan(400);
});

it('a lifetime has no end to foretell, and a day on which it is used up', async () => {
  expect(await rowOf('lifelong')).toMatchObject({
    ...{ window: { start: '1970-01-01T00:00:00.000Z', end: null }, used: 35_000, expected: null, low: null },
    // 65 working days from now.
    reachesAt: expect.stringMatching(/^2027-02-19T/),
  });
});

it('the next run looks at customers with new facts only, and a day later at all', async () => {
  now = NOW + 3 * 3_600_000;
  const limits = [{ id: 'monthly', included: 2_600, windowStartMs: NOVEMBER }];
  const fact = { customer: 'changed', feature: 'api', meter: 'calls', amount: 700, limits };
  await ledger.write([{ chargedAtMs: now - 60_000, facts: [fact] }]);
  expect(await watch().run()).toEqual({ whole: false, customers: 1 });
  expect(await rowOf('changed')).toMatchObject({ used: 850, asOf: '2026-11-23T03:00:00.000Z' });
  expect(await rowOf('steady')).toMatchObject({ asOf: '2026-11-23T00:00:00.000Z' });
  now = NOW + DAY_MS;
  expect(await watch().run()).toEqual({ whole: true, customers: 6 });
});

it('rows of customers that left, and of windows that are over, are not shown; pages bring every row once', async () => {
  const without = reportCatalog(document(2_600, ids.slice(0, 5)));
  expect((await ask({}, without)).rows.map(({ customer }) => customer)).toEqual([...ids.slice(0, 5)].sort());
  const [first, second] = [
    await ask({ limit: 4 }),
    await ask({ limit: 4, cursor: (await ask({ limit: 4 })).nextCursor }),
  ];
  expect([...first.rows, ...second.rows]).toEqual((await ask()).rows);
  now = Date.UTC(2026, 11, 2);
  expect((await ask()).rows.map(({ customer }) => customer)).toEqual(['lifelong']);
});
