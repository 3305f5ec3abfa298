import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import { resolveWindow, windowAt } from '../../engine/limits/window.js';
import { groupsByZone } from '../reports/customer-pages.js';
import type { TestFact } from '../test-support/entry-builder.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { closeNextMonth } from './close.js';
import { AMOUNTS, figureKey } from './figure.js';
import { figuresOf } from './figures.js';
import { financeReport } from './report.js';
import type { FinanceRow } from './rows.js';

const LIMITS = [
  { id: 'hourly', kind: 'quota', amount: 20, window: { every: 'hour' }, overage: 'allow' },
  { id: 'weekly', kind: 'quota', amount: 60, window: { every: 'week' }, overage: 'allow' },
  { id: 'anchored', kind: 'quota', amount: 100, window: { every: 'month', anchor: 'subscription' }, overage: 'allow' },
  { id: 'yearly', kind: 'quota', amount: 300, window: { every: 'year' }, overage: 'allow' },
];
const document = catalogSchema.parse({
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.n' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'pro', features: { chat: { limits: LIMITS } } }],
  customers: ['UTC', 'Europe/Berlin', 'Asia/Kolkata'].map((timezone, index) => ({
    id: `customer-${index}`,
    plan: 'pro',
    timezone,
    startsAt: '2025-01-31T10:07:00.000Z',
  })),
});
const catalog = reportCatalog(document);
const limits = document.plans.flatMap((plan) => {
  const grant = plan.features.chat;
  return typeof grant === 'object' ? grant.limits : [];
});

const MONTHS = ['2026-01', '2026-02', '2026-03'];
const DAY_MS = 86_400_000;
const startOf = (month: string): number => Date.parse(`${month}-01T00:00:00Z`);

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
const seed = Date.now() % 1_000_000;
const pick = random(seed);

/** A charge of some windows, or of none: what comes late names a part of its limits. */
function factAt(happenedAtMs: number, isLate: boolean): TestFact {
  const customer = document.customers[pick(3)];
  if (customer === undefined) throw new Error('there are three customers');
  const charged = limits.flatMap((limit) => {
    if (limit.kind !== 'quota' || (isLate && pick(2) === 0)) return [];
    const windowStartMs = windowAt(resolveWindow(limit.window, customer), happenedAtMs).startMs;
    return [{ id: limit.id, included: limit.amount, windowStartMs }];
  });
  return {
    customer: customer.id,
    feature: 'chat',
    meter: 'tokens',
    amount: 1 + pick(25),
    happenedAtMs,
    kind: 'record',
    late: charged.length < limits.length,
    limits: charged,
  };
}

let ledger: Ledger;
beforeAll(async () => {
  ledger = await Ledger.open();
});
afterAll(() => ledger.close());

async function rowsOf(period: string, nowMs: number): Promise<FinanceRow[]> {
  const request = { period, customer: '', plan: undefined, asOfMs: undefined };
  const report = await financeReport(ledger.clickhouse, catalog, request, nowMs);
  const rows: FinanceRow[] = [];
  for await (const page of report.pages) rows.push(...page);
  return rows;
}

it('closed lines with all their adjustments are what the ledger says, and closed months stay as they were', async () => {
  const facts: TestFact[] = [];
  const kept = new Map<string, FinanceRow[]>();
  for (const month of MONTHS) {
    const nowMs = startOf(month) + 38 * DAY_MS;
    const come: TestFact[] = [];
    for (let each = 0; each < 40; each++) come.push(factAt(startOf(month) + pick(28 * 86_400) * 1_000, false));
    // Of any month so far: late ones, and what is taken back.
    for (let each = 0; each < 10; each++) {
      come.push(factAt(startOf('2026-01') + pick((startOf(month) - startOf('2026-01')) / 1_000 + 1) * 1_000, true));
    }
    for (let each = 0; each < 5; each++) {
      const wrong = facts[pick(Math.max(1, facts.length))];
      if (wrong !== undefined && wrong.kind === 'record') come.push({ ...wrong, kind: 'void' });
    }
    await ledger.write([{ chargedAtMs: startOf(month) + 30 * DAY_MS, facts: come }]);
    facts.push(...come);
    const open = await rowsOf(month, nowMs);
    expect(await closeNextMonth(ledger.clickhouse, catalog, 5, nowMs), `seed ${seed}`).toMatchObject({ period: month });
    kept.set(month, await rowsOf(month, nowMs));
    expect(kept.get(month), `seed ${seed}`).toEqual(open);
  }

  const nowMs = startOf('2026-04') + 20 * DAY_MS;
  for (const month of MONTHS) expect(await rowsOf(month, nowMs), `${month}, seed ${seed}`).toEqual(kept.get(month));
  const everything = [...kept.values(), await rowsOf('2026-04', nowMs)].flat();
  expect(everything.some(({ adjusts }) => adjusts !== null)).toBe(true);
  for (const month of MONTHS) {
    const ids = document.customers.map(({ id }) => id);
    const groups = await groupsByZone(catalog, ids, { plan: undefined });
    const live = (
      await Promise.all(groups.map((group) => figuresOf(ledger.clickhouse, catalog, month, group, undefined)))
    ).flat();
    const booked = everything.filter((row) => (row.adjusts ?? row.period) === month);
    for (const figure of live) {
      const windowStart = figure.windowMs === null ? null : new Date(figure.windowMs).toISOString();
      const mine = booked.filter(
        (row) =>
          row.customer === figure.customer && row.limit === (figure.limit || null) && row.windowStart === windowStart,
      );
      const sums = AMOUNTS.map((name) => mine.reduce((sum, row) => sum + Number(row[name] ?? 0), 0));
      const told = AMOUNTS.map((name) => Number(figure[name] ?? 0));
      expect(sums, `${month} ${figureKey(figure)}, seed ${seed}`).toEqual(told);
    }
  }
}, 240_000);
