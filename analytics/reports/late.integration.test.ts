import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type System, startSystem } from '../test-support/system.js';

const DAY_MS = 86_400_000;
const limits = [{ id: 'daily', kind: 'quota', amount: 1_000_000, window: { every: 'day' } }];
let system: System;

beforeAll(async () => {
  system = await startSystem({
    meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
    features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
    plans: [{ id: 'plan', features: { chat: { limits } } }],
    customers: [{ id: 'acme', plan: 'plan' }],
  });
});

afterAll(() => system.stop());

const factSchema = z.object({ amount: z.coerce.number(), late: z.boolean(), windows: z.array(z.coerce.number()) });
const factsSql =
  'SELECT amount, late, arrayFilter(start -> start >= 0, limit_window_starts) AS windows FROM usage_facts ORDER BY amount';

it('an event goes to the window it belongs to while that is kept; an older one to the ledger only, shown as late', async () => {
  const nowMs = Date.now();
  const startMs = nowMs - (nowMs % DAY_MS);
  const event = (tokens: number, happenedAtMs: number) => ({
    ...{ id: `e-${tokens}`, source: 'test', type: 'llm', customer: 'acme', data: { tokens }, happenedAtMs },
  });
  const outcomes = await system.engine.record([
    event(1, startMs),
    event(10, startMs - 1),
    event(100, startMs - DAY_MS),
    event(1_000, startMs - DAY_MS - 1),
    event(10_000, startMs - 3 * DAY_MS),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'accepted'));
  // Waits for the ledger; both windows that the counter keeps are what facts say, and what is late is in neither.
  expect(await system.call('GET', '/v1/reconcile')).toMatchObject({ body: { rows: [], windows: 2 } });
  expect((await system.engine.usage('acme')).features.chat).toMatchObject({ limits: { daily: { used: 1 } } });
  expect(await system.clickhouse.query(factsSql, {}, factSchema)).toEqual([
    { amount: 1, late: false, windows: [startMs] },
    { amount: 10, late: false, windows: [startMs - DAY_MS] },
    { amount: 100, late: false, windows: [startMs - DAY_MS] },
    { amount: 1_000, late: true, windows: [] },
    { amount: 10_000, late: true, windows: [] },
  ]);

  const rowsSchema = z.array(z.looseObject({ used: z.number(), late: z.number() }));
  const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);
  let [used, late] = [0, 0];
  for (const period of new Set([monthOf(startMs - 3 * DAY_MS), monthOf(nowMs)])) {
    const { body } = await system.call('GET', `/v1/reports/utilization?period=${period}&customer=acme`);
    for (const row of rowsSchema.parse(body.rows)) [used, late] = [used + row.used, late + row.late];
  }
  expect({ used, late }).toEqual({ used: 11_111, late: 11_000 });
});
