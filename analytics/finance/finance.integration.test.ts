import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import type { TestFact } from '../test-support/entry-builder.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { closeNextMonth } from './close.js';
import { readClosings } from './closings.js';
import { financeReport } from './report.js';
import type { FinanceRow } from './rows.js';

const quota = (id: string, amount: number, every: string, more = {}) => ({
  id,
  kind: 'quota',
  amount,
  window: { every },
  overage: 'allow',
  ...more,
});
const catalog = reportCatalog(
  catalogSchema.parse({
    meters: [
      { id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.n' },
      { id: 'cost', eventType: 'llm', aggregation: 'sum', value: '$.c', scale: 6 },
    ],
    features: [
      { id: 'chat', kind: 'metered', meter: 'tokens' },
      { id: 'spend', kind: 'metered', meter: 'cost' },
    ],
    plans: [
      {
        id: 'pro',
        features: { chat: { limits: [quota('monthly', 100, 'month'), quota('yearly', 500, 'year')] }, spend: {} },
      },
      { id: 'hourly', features: { chat: { limits: [quota('per-hour', 10, 'hour')] } } },
    ],
    addons: [{ id: 'more', features: { chat: { add: { monthly: 50 } } } }],
    customers: [
      { id: 'acme', plan: 'pro', addons: ['more'] },
      { id: 'berlin', plan: 'pro', timezone: 'Europe/Berlin' },
      { id: 'hours', plan: 'hourly' },
    ],
  }),
);

const at = (month: number, day: number, hour = 12): number => Date.UTC(2026, month - 1, day, hour);
const month = (number: number): number => Date.UTC(2026, number - 1, 1);
const YEAR = Date.UTC(2026, 0, 1);
const chat = { feature: 'chat', meter: 'tokens' };
const monthly = (number: number, included = 150) => ({ id: 'monthly', included, windowStartMs: month(number) });
const yearly = { id: 'yearly', included: 500, windowStartMs: YEAR };
const acme = (amount: number, number: number, more: Partial<TestFact> = {}): TestFact => ({
  ...chat,
  customer: 'acme',
  amount,
  limits: [monthly(number), yearly],
  ...more,
});

let ledger: Ledger;
beforeAll(async () => {
  ledger = await Ledger.open();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  const tables = ['usage_facts', 'denials', 'finance_lines', 'finance_closings', 'finance_counts', 'catalog_changes'];
  for (const table of tables) await ledger.clickhouse.command(`TRUNCATE TABLE ${table}`);
});

const charge = (chargedAtMs: number, ...facts: TestFact[]) => ledger.write([{ chargedAtMs, facts }]);
const NOW = at(12, 1);

async function report(period: string, options: { asOfMs?: number; customer?: string; plan?: string } = {}) {
  const request = { period, customer: options.customer ?? '', plan: options.plan, asOfMs: options.asOfMs };
  const stream = await financeReport(ledger.clickhouse, catalog, request, NOW);
  const rows: FinanceRow[] = [];
  for await (const page of stream.pages) rows.push(...page);
  return { rows, head: stream.head, tail: stream.tail() };
}

const line = (rows: readonly FinanceRow[], limit: string | null, adjusts: string | null = null) =>
  rows.find((row) => row.limit === limit && row.adjusts === adjusts);

describe('lines', () => {
  it('a window has what it opened with, what was used and taken back, and what it closed with', async () => {
    await charge(at(9, 5), acme(60, 9));
    await charge(at(10, 3), acme(100, 10), acme(90, 10));
    await charge(at(10, 9), acme(30, 10, { kind: 'void', happenedAtMs: at(10, 3) }));
    const { rows } = await report('2026-10');
    expect(line(rows, 'monthly')).toMatchObject({
      period: '2026-10',
      customer: 'acme',
      plan: 'pro',
      windowStart: '2026-10-01T00:00:00.000Z',
      windowEnd: '2026-11-01T00:00:00.000Z',
      windows: 1,
      opening: 0,
      included: 150,
      addons: 50,
      used: 190,
      voided: 30,
      closing: 160,
      overage: 10,
      utilizationPercent: 106.67,
      peakDay: '2026-10-03',
      peakDayUsed: 160,
    });
    expect(line(rows, 'yearly')).toMatchObject({
      opening: 60,
      used: 190,
      voided: 30,
      closing: 220,
      overage: 0,
      addons: 0,
    });
  });

  it('the closing of a window is the opening of the next month, and overage counts in the month that adds it', async () => {
    await charge(at(9, 5), acme(450, 9));
    await charge(at(10, 5), acme(100, 10));
    await charge(at(11, 5), acme(7, 11));
    const found = await Promise.all(['2026-09', '2026-10', '2026-11'].map((period) => report(period)));
    expect(found.map(({ rows }) => line(rows, 'yearly'))).toMatchObject([
      { opening: 0, used: 450, closing: 450, overage: 0 },
      { opening: 450, used: 100, closing: 550, overage: 50 },
      { opening: 550, used: 7, closing: 557, overage: 7 },
    ]);
  });

  it('a commit after its window was over stands in the month of the commit, with that window', async () => {
    await charge(at(10, 31), acme(5, 10));
    await charge(at(11, 1, 1), acme(20, 10, { kind: 'commit' }));
    const { rows } = await report('2026-11');
    expect(rows.filter((row) => row.limit === 'monthly')).toMatchObject([
      { windowStart: '2026-10-01T00:00:00.000Z', opening: 5, used: 20, closing: 25 },
    ]);
    expect(line((await report('2026-10')).rows, 'monthly')).toMatchObject({ used: 5, closing: 5 });
  });

  it('what came too late stands with the windows it was too late for, and is in no closing', async () => {
    await charge(at(10, 20), acme(10, 10));
    await charge(at(12, 1), acme(40, 10, { late: true, happenedAtMs: at(10, 4), limits: [yearly] }));
    const { rows } = await report('2026-10');
    expect(line(rows, 'monthly')).toMatchObject({ used: 10, late: 40, closing: 10 });
    expect(line(rows, 'yearly')).toMatchObject({ used: 50, late: 0, closing: 50 });
  });

  it('a window of which there are only denials has its line', async () => {
    const limits = [{ ...monthly(10), used: 0 }];
    const denial = { ...chat, customer: 'acme', reason: 'limit_exceeded', amount: 700, count: 3 } as const;
    await ledger.write([
      { chargedAtMs: at(10, 8), denials: [{ ...denial, limits, deniedBy: ['monthly'] }] },
      { chargedAtMs: at(10, 9), denials: [{ ...denial, reason: 'suspended' }] },
    ]);
    const { rows } = await report('2026-10');
    expect(line(rows, 'monthly')).toMatchObject({
      included: 150,
      used: 0,
      closing: 0,
      deniedCount: 3,
      deniedAmount: 700,
    });
    expect(line(rows, null)).toMatchObject({ included: null, windows: 0, deniedCount: 3 });
  });

  it('windows of an hour are added up by the day, their overage with them', async () => {
    const hour = (hourOfDay: number, amount: number): TestFact => {
      const windowStartMs = at(10, 2, hourOfDay);
      return { ...chat, customer: 'hours', amount, limits: [{ id: 'per-hour', included: 10, windowStartMs }] };
    };
    for (const [hourOfDay, amount] of [
      [1, 4],
      [1, 9],
      [2, 10],
      [23, 15],
    ] as const) {
      await charge(at(10, 2, hourOfDay), hour(hourOfDay, amount));
    }
    const { rows } = await report('2026-10');
    expect(rows).toMatchObject([
      { limit: 'per-hour', windowStart: '2026-10-02T00:00:00.000Z', windows: 3, included: 30, used: 38, overage: 8 },
    ]);
  });

  it('months are those of the customer’s time zone', async () => {
    const windowStartMs = Date.UTC(2026, 9, 31, 23);
    const limits = [{ id: 'monthly', included: 100, windowStartMs }];
    await charge(windowStartMs + 60_000, { ...chat, customer: 'berlin', amount: 3, limits });
    expect((await report('2026-10')).rows).toEqual([]);
    expect((await report('2026-11')).rows).toMatchObject([{ customer: 'berlin', peakDay: '2026-11-01', closing: 3 }]);
  });

  it('what is under no quota has a line, by its meter’s scale', async () => {
    await charge(at(10, 2), { feature: 'spend', meter: 'cost', customer: 'acme', amount: 1_250_000 });
    const { rows } = await report('2026-10');
    expect(rows).toMatchObject([{ feature: 'spend', limit: null, windowStart: null, included: null, used: '1.25' }]);
  });

  it('totals are the sums over the rows, by feature, limit and meter', async () => {
    await charge(at(10, 3), acme(100, 10));
    await charge(at(10, 3), {
      ...chat,
      customer: 'berlin',
      amount: 20,
      limits: [{ ...monthly(10, 100), windowStartMs: Date.UTC(2026, 8, 30, 22) }],
    });
    const { tail } = await report('2026-10');
    expect(tail).toMatchObject({
      totals: {
        rows: 3,
        limits: [
          { feature: 'chat', limit: 'monthly', rows: 2, included: 250, addons: 50, used: 120, closing: 120 },
          { feature: 'chat', limit: 'yearly', rows: 1, used: 100 },
        ],
        adjustments: [],
      },
    });
  });
});

describe('as of', () => {
  it('only what was booked by then is in', async () => {
    await charge(at(10, 3), acme(10, 10));
    await charge(at(10, 20), acme(15, 10, { happenedAtMs: at(10, 4) }));
    const used = async (asOfMs?: number) =>
      line((await report('2026-10', asOfMs === undefined ? {} : { asOfMs })).rows, 'monthly')?.used;
    expect(await used()).toBe(25);
    expect(await used(at(10, 19))).toBe(10);
    expect(await used(at(10, 2))).toBeUndefined();
  });

  it('plan and add-ons are those of then', async () => {
    await charge(at(10, 3), acme(10, 10, { limits: [monthly(10, 100)] }));
    const before = { id: 'acme', plan: 'pro', addons: [], timezone: 'UTC', status: 'active' };
    await ledger.clickhouse.insertRows('catalog_changes', [
      {
        epoch: 1,
        shard: 'catalog',
        outbox_ms: 1,
        outbox_seq: 0,
        idx: 0,
        changed_at: '2026-11-05 00:00:00.000',
        version: 2,
        actor: 'test',
        owner: 'api',
        type: 'customer',
        id: 'acme',
        before: JSON.stringify(before),
        after: JSON.stringify({ ...before, addons: ['more'] }),
      },
    ]);
    expect(line((await report('2026-10')).rows, 'monthly')).toMatchObject({ included: 100, addons: 0 });
  });
});

describe('closing', () => {
  const close = (nowMs: number) => closeNextMonth(ledger.clickhouse, catalog, 5, nowMs);

  it('a month is closed once its days are over, in order, from the first with bookings', async () => {
    await charge(at(9, 5), acme(60, 9));
    expect(await close(at(10, 5))).toBeUndefined();
    expect(await close(at(12, 7))).toMatchObject({ period: '2026-09', lines: 2 });
    expect(await close(at(12, 7))).toMatchObject({ period: '2026-10', lines: 0 });
    expect(await close(at(12, 7))).toMatchObject({ period: '2026-11' });
    expect(await close(at(12, 7))).toBeUndefined();
    expect(await readClosings(ledger.clickhouse, undefined)).toHaveLength(3);
  });

  it('a closed month never changes; what comes later adjusts the first open one, once', async () => {
    await charge(at(9, 5), acme(200, 9, { id: 'event' }));
    await close(at(10, 7));
    const closed = await report('2026-09');
    expect(closed.head).toMatchObject({ status: 'closed', closedAt: new Date(at(10, 7)).toISOString() });
    expect(line(closed.rows, 'monthly')).toMatchObject({ used: 200, closing: 200, overage: 50 });

    await charge(at(10, 8), acme(120, 9, { kind: 'void', happenedAtMs: at(9, 5) }));
    await charge(at(10, 9), acme(8, 9, { late: true, happenedAtMs: at(9, 20), limits: [] }));
    expect((await report('2026-09')).rows).toEqual(closed.rows);
    const open = await report('2026-10');
    expect(open.head).toMatchObject({ status: 'open', closedAt: null });
    expect(line(open.rows, 'monthly', '2026-09')).toMatchObject({
      period: '2026-10',
      windowStart: '2026-09-01T00:00:00.000Z',
      used: 0,
      voided: 120,
      late: 8,
      overage: -50,
      closing: -120,
      utilizationPercent: null,
    });
    expect(open.tail).toMatchObject({
      totals: { adjustments: [{ limit: 'monthly', voided: 120 }, { limit: 'yearly' }] },
    });
    expect((await report('2026-11')).rows.filter(({ adjusts }) => adjusts !== null)).toEqual([]);

    await close(at(11, 7));
    expect((await report('2026-10')).rows).toEqual(open.rows);
    expect((await report('2026-11')).rows.filter(({ adjusts }) => adjusts !== null)).toEqual([]);
    await charge(at(11, 8), acme(1, 9, { late: true, happenedAtMs: at(9, 21), limits: [] }));
    const third = (await report('2026-11')).rows.filter(({ adjusts }) => adjusts !== null);
    expect(third).toMatchObject([
      { limit: 'monthly', adjusts: '2026-09', late: 1, used: 0, voided: 0 },
      { limit: 'yearly', late: 1 },
    ]);
    expect((await report('2026-10')).rows).toEqual(open.rows);
  });

  it('as of a time before the closing the month is as it was then', async () => {
    await charge(at(9, 5), acme(60, 9));
    await charge(at(10, 2), acme(5, 9, { happenedAtMs: at(9, 30) }));
    await close(at(10, 7));
    const before = await report('2026-09', { asOfMs: at(10, 1) });
    expect(before.head).toMatchObject({ status: 'open' });
    expect(line(before.rows, 'monthly')).toMatchObject({ used: 60 });
    expect(line((await report('2026-09', { asOfMs: at(11, 1) })).rows, 'monthly')).toMatchObject({ used: 65 });
    await charge(at(10, 20), acme(9, 9, { kind: 'void', happenedAtMs: at(9, 30) }));
    const adjusted = async (asOfMs: number) =>
      line((await report('2026-10', { asOfMs })).rows, 'monthly', '2026-09')?.voided;
    expect(await adjusted(at(10, 10))).toBeUndefined();
    expect(await adjusted(at(10, 21))).toBe(9);
  });

  it('a fact of before the closing that reaches the ledger after it is an adjustment, whatever its time', async () => {
    await charge(at(9, 5), acme(60, 9));
    await close(at(10, 7));
    await charge(at(9, 6), acme(40, 9));
    expect(line((await report('2026-10')).rows, 'monthly', '2026-09')).toMatchObject({ used: 40, closing: 40 });
  });
});
