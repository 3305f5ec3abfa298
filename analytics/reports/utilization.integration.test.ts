import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { AMOUNT_MAX, catalogSchema } from '../../engine/index.js';
import type { TestFact } from '../test-support/entry-builder.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { utilizationAnswer } from '../test-support/utilization.js';

const monthly = { id: 'monthly', kind: 'quota', amount: 100, window: { every: 'month' }, overage: 'allow' };
const catalog = reportCatalog(
  catalogSchema.parse({
    meters: [
      { id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.n', unit: 'token' },
      { id: 'context', eventType: 'llm', aggregation: 'sum', value: '$.c' },
      { id: 'cost', eventType: 'llm', aggregation: 'sum', value: '$.cost', scale: 6, unit: 'dollar' },
      { id: 'level', eventType: 'llm', aggregation: 'latest', value: '$.level' },
    ],
    features: [
      { id: 'chat', kind: 'metered', meter: 'tokens' },
      { id: 'budget', kind: 'metered', meter: 'tokens' },
      { id: 'gone', kind: 'metered', meter: 'tokens' },
    ],
    plans: [{ id: 'pro', features: { chat: { limits: [monthly] }, budget: {} } }],
    customers: [
      { id: 'acme', plan: 'pro' },
      { id: 'tokyo', plan: 'pro', timezone: 'Asia/Tokyo' },
    ],
  }),
);

const NOVEMBER = Date.UTC(2023, 10, 1);
const NOW = Date.UTC(2024, 1, 10);
const chat = { customer: 'acme', feature: 'chat', meter: 'tokens', kind: 'record' } as const;
const inNovember = (day: number, hour = 12): number => Date.UTC(2023, 10, day, hour);
const charged = (after: number) => [{ id: 'monthly', included: 100, windowStartMs: NOVEMBER, after }];

let ledger: Ledger;

beforeAll(async () => {
  ledger = await Ledger.open();
  const late: Partial<TestFact> = { late: true, limits: [{ id: 'monthly', included: 100 }] };
  await ledger.write([
    // In its window: 130 of 100.
    { chargedAtMs: inNovember(3), facts: [{ ...chat, amount: 130, limits: charged(130) }] },
    // Months later, for a window that is no longer kept; one part is taken back later still.
    {
      chargedAtMs: NOW,
      facts: [
        { ...chat, ...late, amount: 1_000, happenedAtMs: inNovember(4) },
        { ...chat, ...late, amount: 500, happenedAtMs: inNovember(30, 23) },
        // A second feature charges the same meter, which counts it once.
        { ...chat, feature: 'budget', amount: 1_000, meterFirst: false, happenedAtMs: inNovember(4) },
        // No feature charges these.
        { ...chat, feature: '', meter: 'context', amount: 900, happenedAtMs: inNovember(4) },
        { ...chat, feature: '', meter: 'cost', amount: 1_250_000, happenedAtMs: inNovember(4) },
        { ...chat, feature: '', meter: 'level', amount: 77, happenedAtMs: inNovember(4) },
      ],
    },
    {
      chargedAtMs: NOW + 1_000,
      facts: [{ ...chat, ...late, kind: 'void', amount: 500, happenedAtMs: inNovember(30, 23) }],
    },
    // 23:00 of the last of November in UTC is December in Tokyo, and 23:00 of the last of October is November.
    {
      chargedAtMs: NOW,
      facts: [inNovember(30, 23), Date.UTC(2023, 9, 31, 23)].map((happenedAtMs, index) => ({
        ...chat,
        customer: 'tokyo',
        amount: 10 + index,
        late: true,
        happenedAtMs,
      })),
    },
  ]);
});

afterAll(() => ledger.close());

const answerSchema = z.object({
  rows: z.array(z.looseObject({ customer: z.string(), feature: z.string().nullable(), meter: z.string().nullable() })),
  totals: z.looseObject({}),
});

async function report(period: string, customer = '') {
  const request = { period, customer, plan: undefined, limit: 100, cursor: undefined };
  return answerSchema.parse(await utilizationAnswer(ledger.clickhouse, catalog, request));
}

it('used is all that happened in the month, late facts included, corrections taken off', async () => {
  const { rows } = await report('2023-11', 'acme');
  expect(rows[1]).toMatchObject({
    feature: 'chat',
    meter: 'tokens',
    limit: 'monthly',
    included: 100,
    used: 1_130,
    late: 1_000,
    utilizationPercent: 1_130,
    // What came late was charged to no window, so it is past none.
    overage: 30,
    peakDay: '2023-11-04',
  });
});

it('a row is one customer, feature and meter; a meter that no feature charges has the feature null', async () => {
  const { rows } = await report('2023-11', 'acme');
  expect(rows.map(({ feature, meter, used }) => [feature, meter, used])).toEqual([
    ['budget', 'tokens', 1_000],
    ['chat', 'tokens', 1_130],
    [null, 'context', 900],
    [null, 'cost', '1.25'],
  ]);
  expect(rows[2]).toMatchObject({ limit: null, included: null, overage: 0, utilizationPercent: null });
});

it('totals tell what each meter counted, once, whatever the features that were charged', async () => {
  const { totals } = await report('2023-11', 'acme');
  expect(totals).toMatchObject({
    customers: 1,
    meters: [
      { meter: 'context', used: 900 },
      { meter: 'cost', unit: 'dollar', used: '1.25' },
      { meter: 'tokens', unit: 'token', used: 1_130 },
    ],
  });
});

it('the month is that of the customer’s own time zone', async () => {
  const used = async (period: string) => (await report(period, 'tokyo')).rows.map((row) => row.used);
  expect(await used('2023-11')).toEqual([11]);
  expect(await used('2023-12')).toEqual([10]);
  expect(await used('2023-10')).toEqual([]);
});

it('sums are exact past 64 bits', async () => {
  const happenedAtMs = Date.UTC(2024, 0, 5);
  const fact = { ...chat, feature: '', meter: 'context', amount: AMOUNT_MAX, happenedAtMs };
  await ledger.write([{ chargedAtMs: NOW, facts: Array.from({ length: 2_000 }, () => fact) }]);
  const exact = String(BigInt(AMOUNT_MAX) * 2_000n);
  const { rows, totals } = await report('2024-01');
  expect(rows).toMatchObject([{ used: exact }]);
  expect(totals).toMatchObject({ meters: [{ meter: 'context', used: exact }] });
});

it('what a feature used before it moved to another meter stands in a row of its own, measured once', async () => {
  const facts = ['tokens', 'context'].map((meter) => ({ ...chat, meter, amount: 60, limits: charged(0) }));
  const february = Date.UTC(2024, 1, 1);
  const limits = [{ id: 'monthly', included: 100, windowStartMs: february, after: 60 }];
  await ledger.write([{ chargedAtMs: NOW, facts: facts.map((fact) => ({ ...fact, limits })) }]);
  const { rows } = await report('2024-02', 'acme');
  expect(rows).toMatchObject([
    { feature: 'chat', meter: 'context', used: 60, included: null, overage: 0 },
    { feature: 'chat', meter: 'tokens', used: 60, included: 100, overage: 20 },
  ]);
});
