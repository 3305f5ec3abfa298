import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import { startForecasts } from '../forecast/start.js';
import { type SignalRow, signalRows } from '../reports/signals.js';
import type { TestEntry } from '../test-support/entry-builder.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { DEFAULT_RULES } from './rules-file.js';
import { type CustomerFinding, storeFindings, storeState } from './signal-table.js';

const DAY_MS = 86_400_000;
/** A Monday. */
const NOW = Date.UTC(2026, 10, 23);
const HISTORY_DAYS = 120;
const quota = (amount: number) => ({ id: 'monthly', kind: 'quota', amount, window: { every: 'month' } });

const steady = ['steady-1', 'steady-2', 'steady-3', 'steady-4', 'steady-5', 'weekdays', 'noisy'];
const tight = ['reacher', 'comfortable', 'denied', 'deniedOnce'];
const others = ['wants', 'curious', 'has', 'fading', 'seasonal', 'quitter', 'pausedBoth', 'vanished', 'pauser'];
const ids = [...steady, ...tight, ...others, 'wasteful', 'newcomer'];
const document = (present: readonly string[]) =>
  catalogSchema.parse({
    meters: [
      { id: 'calls', eventType: 'call', aggregation: 'count' },
      { id: 'files', eventType: 'file', aggregation: 'count' },
    ],
    features: [
      { id: 'api', kind: 'metered', meter: 'calls' },
      { id: 'export', kind: 'metered', meter: 'files' },
      { id: 'vault', kind: 'boolean' },
    ],
    plans: [
      { id: 'pro', features: { api: { limits: [quota(10_000)] }, export: { limits: [] } } },
      { id: 'tight', features: { api: { limits: [quota(3_000)] } } },
    ],
    addons: [{ id: 'vaults', features: { vault: true } }],
    customers: present.map((id) => ({
      id,
      plan: tight.includes(id) ? 'tight' : 'pro',
      addons: id === 'has' ? ['vaults'] : [],
    })),
  });

/** Use by day, counted back from NOW; the fact stands at noon. */
function use(
  customer: string,
  amountAt: (daysAgo: number) => number,
  feature = 'api',
  days = HISTORY_DAYS,
): TestEntry[] {
  const entries: TestEntry[] = [];
  for (let daysAgo = 0; daysAgo < days; daysAgo++) {
    const chargedAtMs = NOW - daysAgo * DAY_MS - DAY_MS / 2;
    const amount = amountAt(daysAgo);
    if (amount === 0) continue;
    const at = new Date(chargedAtMs);
    const windowStartMs = Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
    const included = tight.includes(customer) ? 3_000 : 10_000;
    const limits = feature === 'api' ? [{ id: 'monthly', included, windowStartMs }] : [];
    const meter = feature === 'api' ? 'calls' : 'files';
    entries.push({ chargedAtMs, facts: [{ customer, feature, meter, amount, limits }] });
  }
  return entries;
}

const refusal = (customer: string, daysAgo: number, count: number): TestEntry => ({
  chargedAtMs: NOW - daysAgo * DAY_MS,
  denials: [{ customer, feature: 'vault', meter: '', reason: 'not_entitled', amount: count, count }],
});
const overLimit = (customer: string, daysAgo: number): TestEntry => ({
  chargedAtMs: NOW - daysAgo * DAY_MS,
  denials: [
    {
      ...{ customer, feature: 'api', meter: 'calls', reason: 'limit_exceeded', amount: 5, deniedBy: ['monthly'] },
      limits: [{ id: 'monthly', included: 3_000, windowStartMs: Date.UTC(2026, 10, 1), used: 3_000 }],
    },
  ],
});

const isWeekend = (daysAgo: number): boolean => [0, 6].includes(new Date(NOW - daysAgo * DAY_MS - 1).getUTCDay());
/** The same use for the same day and customer. */
const noise = (daysAgo: number): number => (daysAgo * 2_654_435_761) % 200;

let ledger: Ledger;
let now = NOW;

const refresh = (present: readonly string[] = ids) =>
  startForecasts({
    clickhouse: ledger.clickhouse,
    catalog: reportCatalog(document(present)),
    rules: DEFAULT_RULES,
    listCustomers: async () => ({ ids: present, cursor: null }),
    registry: new Registry(),
    log: { info: () => undefined, warn: () => undefined },
    everySeconds: 0,
    now: () => now,
  }).run();

const ask = async (more: { kind?: string; state?: string; customer?: string } = {}): Promise<SignalRow[]> => {
  const { kind = '', state = '', customer = '' } = more;
  const request = { kind, state, customer, limit: 1_000, cursor: undefined };
  return (await signalRows(ledger.clickhouse, request, now)).rows;
};
const rulesOf = async (customer: string): Promise<string[]> => (await ask({ customer })).map(({ rule }) => rule);

beforeAll(async () => {
  ledger = await Ledger.open();
  const year = 364;
  await ledger.write([
    ...steady.slice(0, 5).flatMap((id) => use(id, () => 100)),
    ...use('weekdays', (day) => (isWeekend(day) ? 0 : 140)),
    ...use('noisy', noise),
    ...use('reacher', (day) => (isWeekend(day) || day >= 49 ? 0 : 150)),
    ...use('comfortable', () => 80),
    ...use('denied', () => 70),
    ...[overLimit('denied', 26), overLimit('denied', 3)],
    ...use('deniedOnce', () => 70),
    ...[overLimit('deniedOnce', 4), overLimit('deniedOnce', 3)],
    ...['wants', 'curious', 'has'].flatMap((id) => use(id, () => 100)),
    ...[refusal('wants', 9, 3), refusal('wants', 5, 3), refusal('wants', 1, 4)],
    ...[refusal('curious', 5, 20), refusal('has', 5, 20), refusal('has', 3, 20)],
    ...use('fading', (day) => (day < 14 ? 30 : 100)),
    ...use('seasonal', (day) => (day % year < 14 ? 30 : 100), 'api', year + 90),
    ...use('quitter', () => 100),
    ...use('quitter', (day) => (day < 30 ? 0 : 10), 'export'),
    ...use('pausedBoth', () => 100),
    ...use('pausedBoth', (day) => (day < 20 ? 0 : 10), 'export'),
    ...use('vanished', (day) => (day < 20 ? 0 : 100)),
    ...use('pauser', (day) => (day >= 12 && day % 8 === 4 ? 1_000 : 0)),
    ...use('wasteful', () => 10),
    ...use('newcomer', () => 1, 'api', 20),
  ]);
  await refresh();
});

afterAll(() => ledger.close());

it('a quota that will be used up before its window ends is a signal, one that will not is none', async () => {
  const [row] = await ask({ customer: 'reacher' });
  expect(row).toMatchObject({
    ...{ kind: 'upsell', rule: 'reachesLimit', plan: 'tight', feature: 'api', limit: 'monthly', state: 'open' },
    numbers: { included: 3_000, used: 2_250, expected: 3_150, windowEnd: '2026-12-01T00:00:00.000Z' },
    ...{ firstSeen: '2026-11-23T00:00:00.000Z', snoozedUntil: null, changedBy: null },
  });
  expect(row?.reason).toMatch(/"monthly" of api is expected to be used up on 2026-11-\d\d, before its window ends/);
  expect(row?.score).toBeGreaterThan(60);
  expect(await rulesOf('comfortable')).toEqual([]);
});

it('a quota that was not enough in two windows is a signal, in one window is none', async () => {
  expect(await ask({ customer: 'denied' })).toMatchObject([
    { rule: 'repeatedlyOver', limit: 'monthly', numbers: { windows: 3, windowsOver: 2, denials: 2, overageMax: 0 } },
  ]);
  expect(await rulesOf('deniedOnce')).toEqual([]);
});

it('a feature asked for again and again is a signal; on one day, or granted by now, it is none', async () => {
  expect(await ask({ customer: 'wants' })).toMatchObject([
    { rule: 'wantsFeature', feature: 'vault', limit: null, numbers: { denials: 10, daysAsked: 3, days: 30 } },
  ]);
  expect(await rulesOf('curious')).toEqual([]);
  expect(await rulesOf('has')).toEqual([]);
});

it('use that fell is a signal; weekends, noise and the same fall a year ago are none', async () => {
  expect(await ask({ customer: 'fading' })).toMatchObject([
    { kind: 'churn', rule: 'useDown', score: 70, numbers: { recent: 420, usual: 1_400, dropPercent: 70 } },
  ]);
  for (const id of [...steady, 'seasonal']) expect(await rulesOf(id), id).toEqual([]);
});

it('a feature given up is a signal, a shorter pause of it is none', async () => {
  expect(await ask({ customer: 'quitter' })).toMatchObject([
    { rule: 'featureGivenUp', feature: 'export', numbers: { silentDays: 30, daysUsedBefore: 54, featuresInUse: 1 } },
  ]);
  expect(await rulesOf('pausedBoth')).toEqual([]);
});

it('silence is a signal where it is longer than the customer ever paused', async () => {
  expect(await ask({ customer: 'vanished' })).toMatchObject([
    { rule: 'silent', feature: null, numbers: { silentDays: 20, longestPauseDays: 0, allowedDays: 7 } },
  ]);
  // Silent for twelve days, with pauses of seven days before.
  expect(await rulesOf('pauser')).toEqual([]);
});

it('use far under what is paid for is a signal after three windows, not for who has just come', async () => {
  expect(await ask({ customer: 'wasteful' })).toMatchObject([
    { rule: 'underUsed', limit: 'monthly', numbers: { windows: 3, usedPercentMost: 3.1, included: 10_000 } },
  ]);
  expect(await rulesOf('newcomer')).toEqual([]);
});

it('the highest score comes first, by kind and page by page', async () => {
  const all = await ask();
  expect(all.map(({ score }) => score)).toEqual(all.map(({ score }) => score).sort((left, right) => right - left));
  expect(new Set((await ask({ kind: 'churn' })).map(({ kind }) => kind))).toEqual(new Set(['churn']));
  const pages: SignalRow[] = [];
  for (let cursor: string | undefined; ; ) {
    const request = { kind: '', state: '', customer: '', limit: 2, cursor };
    const page = await signalRows(ledger.clickhouse, request, now);
    pages.push(...page.rows);
    cursor = page.nextCursor;
    if (cursor === undefined) break;
  }
  expect(pages).toEqual(all);
});

it('signals of customers that left the catalog are closed', async () => {
  now = NOW + DAY_MS;
  const before = await ask();
  await refresh(['vanished']);
  expect(await ask()).toMatchObject([{ customer: 'vanished', firstSeen: '2026-11-23T00:00:00.000Z' }]);
  expect((await ask({ state: 'gone' })).length).toBe(before.length - 1);
});

it('a signal that went away is closed and kept; back within two weeks it is the one it was, later a new one', async () => {
  const finding: CustomerFinding = {
    ...{ kind: 'churn', rule: 'silent', customer: 'comes-and-goes', plan: 'pro', feature: '', limit: '' },
    ...{ score: 50, reason: 'Has used nothing.', numbers: { silentDays: 9 } },
  };
  const on = (day: number): string => new Date(NOW + day * DAY_MS).toISOString();
  const seen = async (day: number, found: boolean): Promise<Partial<SignalRow> | undefined> => {
    now = NOW + day * DAY_MS;
    await storeFindings(ledger.clickhouse, [finding.customer], found ? [finding] : [], 14, now);
    const [row] = [...(await ask(finding)), ...(await ask({ ...finding, state: 'gone' }))];
    return row && { state: row.state, firstSeen: row.firstSeen, lastSeen: row.lastSeen };
  };
  expect(await seen(0, true)).toEqual({ state: 'open', firstSeen: on(0), lastSeen: on(0) });
  const { id } = (await ask({ customer: finding.customer }))[0] ?? { id: '' };
  await storeState(ledger.clickhouse, { id, state: 'done', untilMs: null, actor: 'ann' }, now + 1);
  expect(await seen(1, true)).toEqual({ state: 'done', firstSeen: on(0), lastSeen: on(1) });
  expect(await seen(2, false)).toEqual({ state: 'gone', firstSeen: on(0), lastSeen: on(1) });
  expect(await seen(15, true)).toEqual({ state: 'done', firstSeen: on(0), lastSeen: on(15) });
  expect(await seen(16, false)).toEqual({ state: 'gone', firstSeen: on(0), lastSeen: on(15) });
  // What was said of it before does not hold for the new one.
  expect(await seen(30, true)).toEqual({ state: 'open', firstSeen: on(30), lastSeen: on(30) });
});
