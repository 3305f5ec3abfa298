import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import { startForecasts } from '../forecast/start.js';
import { signalRows } from '../reports/signals.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { DEFAULT_RULES } from './rules-file.js';

const DAY_MS = 86_400_000;
const CHRISTMAS = Date.UTC(2026, 11, 24);
const team = Array.from({ length: 8 }, (_, index) => `team-${index}`);
const catalog = reportCatalog(
  catalogSchema.parse({
    meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
    features: [{ id: 'api', kind: 'metered', meter: 'calls' }],
    plans: [{ id: 'pro', features: { api: { limits: [] } } }],
    customers: [...team, 'left', 'fading'].map((id) => ({ id, plan: 'pro' })),
  }),
);

let ledger: Ledger;

/** One fact a working day up to a holiday that lasts until the year's end. */
function work(customer: string, amountAt: (daysToHoliday: number) => number) {
  return Array.from({ length: 120 }, (_, daysBefore) => {
    const chargedAtMs = CHRISTMAS - daysBefore * DAY_MS - DAY_MS / 2;
    const amount = [0, 6].includes(new Date(chargedAtMs).getUTCDay()) ? 0 : amountAt(daysBefore);
    return { chargedAtMs, facts: [{ customer, feature: 'api', meter: 'calls', amount }] };
  }).filter(({ facts }) => facts.some(({ amount }) => amount > 0));
}

async function churnAsOf(nowMs: number) {
  const watch = startForecasts({
    clickhouse: ledger.clickhouse,
    catalog,
    rules: DEFAULT_RULES,
    listCustomers: async () => ({ ids: [...team, 'left', 'fading'], cursor: null }),
    registry: new Registry(),
    log: { info: () => undefined, warn: () => undefined },
    everySeconds: 0,
    now: () => nowMs,
  });
  await watch.run();
  const request = { kind: 'churn', state: 'open', customer: '', limit: 100, cursor: undefined };
  const { rows } = await signalRows(ledger.clickhouse, request, nowMs);
  return rows.map(({ customer, rule }) => `${customer} ${rule}`).sort();
}

beforeAll(async () => {
  ledger = await Ledger.open();
  await ledger.write([
    ...team.flatMap((id) => work(id, () => 100)),
    ...work('left', (daysBefore) => (daysBefore < 21 ? 0 : 100)),
    ...work('fading', (daysBefore) => (daysBefore < 5 ? 10 : 100)),
  ]);
});

afterAll(() => ledger.close());

it('a holiday that everyone keeps is no churn: neither silence nor less use; who left before it is', async () => {
  expect(await churnAsOf(CHRISTMAS)).toEqual(['left silent']);
  // Nobody has used anything for a week; of the last two weeks everybody worked one.
  expect(await churnAsOf(CHRISTMAS + 8 * DAY_MS)).toEqual(['fading useDown', 'left silent']);
});
