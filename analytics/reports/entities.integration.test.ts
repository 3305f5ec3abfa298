import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogSchema } from '../../engine/index.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { utilizationAnswer } from '../test-support/utilization.js';
import { usageOverTime } from './usage.js';

const NOVEMBER = Date.UTC(2026, 10, 1);
const at = (day: number): number => Date.UTC(2026, 10, day, 12);
const monthly = (amount: number) => ({
  id: 'monthly',
  kind: 'quota',
  amount,
  window: { every: 'month' },
  overage: 'allow',
});
const catalog = reportCatalog(
  catalogSchema.parse({
    meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
    features: [{ id: 'api', kind: 'metered', meter: 'calls' }],
    plans: [{ id: 'pro', features: { api: { limits: [monthly(1_000)] } } }],
    customers: [
      {
        id: 'acme',
        plan: 'pro',
        entities: [
          { id: 'team', features: { api: { limits: [monthly(50)] } } },
          { id: 'ann', parent: 'team', features: { api: { limits: [monthly(20)] } } },
          { id: 'bob' },
        ],
      },
    ],
  }),
);

let ledger: Ledger;

beforeAll(async () => {
  ledger = await Ledger.open();
  const charged = (id: string, included: number) => ({ id, included, windowStartMs: NOVEMBER });
  const own = charged('monthly', 1_000);
  const team = charged('team/monthly', 50);
  const use = { customer: 'acme', feature: 'api', meter: 'calls' };
  await ledger.write([
    {
      chargedAtMs: at(3),
      facts: [
        { ...use, amount: 100, limits: [own] },
        { ...use, amount: 40, entity: 'team', limits: [own, team] },
        { ...use, amount: 25, entity: 'ann', limits: [own, team, charged('ann/monthly', 20)] },
        { ...use, amount: 7, entity: 'bob', limits: [own] },
      ],
      denials: [
        { ...use, amount: 3, entity: 'ann', reason: 'limit_exceeded', limits: [], deniedBy: [] },
        { ...use, amount: 5, reason: 'limit_exceeded', limits: [], deniedBy: [] },
      ],
    },
  ]);
});

afterAll(() => ledger.close());

async function utilization(entity?: string) {
  const request = { period: '2026-11', customer: 'acme', plan: undefined, entity, limit: 10, cursor: undefined };
  return await utilizationAnswer(ledger.clickhouse, catalog, request);
}

async function usage(groupBy: string[], entity?: string) {
  const range = { fromMs: NOVEMBER, toMs: at(30), granularity: 'month', timezone: 'UTC' } as const;
  const request = {
    meter: 'calls',
    customer: 'acme',
    entity,
    groupBy,
    filter: { filterNames: [], filterValues: [] },
    order: 'time' as const,
    ...range,
    limit: 10,
    offset: 0,
  };
  const { rows } = await usageOverTime(ledger.clickhouse, catalog, request);
  return rows;
}

it('usage is split by entity, and kept to one and those below it', async () => {
  const split = (await usage(['entity'])).map(({ entity, value }) => [entity, value]);
  expect(split).toEqual([
    ['', 100],
    ['ann', 25],
    ['bob', 7],
    ['team', 40],
  ]);
  const total = async (entity?: string) => (await usage([], entity)).map((row) => row.value);
  expect(await total()).toEqual([172]);
  expect(await total('team')).toEqual([65]);
  expect(await total('ann')).toEqual([25]);
  expect(await total('nobody')).toEqual([0]);
  expect((await usage(['entity'], 'team')).map(({ entity }) => entity)).toEqual(['ann', 'team']);
});

it('utilization of a customer counts the use of all its entities, against its own limit', async () => {
  const { rows } = await utilization();
  expect(rows).toMatchObject([{ limit: 'monthly', used: 172, included: 1_000, overage: 0, deniedCount: 2 }]);
});

it('utilization of an entity is its use and that of those below it, against its own limit', async () => {
  expect(await utilization('team')).toMatchObject({
    entity: 'team',
    rows: [{ limit: 'team/monthly', used: 65, included: 50, overage: 15, utilizationPercent: 130, deniedCount: 1 }],
  });
  expect(await utilization('ann')).toMatchObject({
    rows: [{ limit: 'ann/monthly', used: 25, included: 20, overage: 5, deniedAmount: 3 }],
  });
  expect(await utilization('bob')).toMatchObject({ rows: [{ limit: null, included: null, used: 7, overage: 0 }] });
  expect(await utilization('nobody')).toMatchObject({ rows: [] });
});
