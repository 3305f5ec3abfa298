import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type ApiKey, catalogSchema } from '../../engine/index.js';
import type { Reply, RequestContext, Route } from '../../ingest/http/index.js';
import { validate } from '../../ingest/http/index.js';
import { ClickHouse } from '../clickhouse.js';
import { reportRoutes } from '../control/report-routes.js';
import { migrate } from '../migrate.js';
import { Batch } from '../sink/batch.js';
import { Inserter } from '../sink/insert.js';
import { buildEntry, type TestEntry } from '../test-support/entry-builder.js';
import { reportCatalog } from '../test-support/ledger.js';

const NOVEMBER = Date.UTC(2026, 10, 1);
const NOW = Date.UTC(2026, 10, 20, 12);
const at = (day: number, hour = 12): number => Date.UTC(2026, 10, day, hour);

const month = { every: 'month' };
const catalog = reportCatalog(
  catalogSchema.parse({
    meters: [
      { id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.n', dimensions: { model: '$.m' } },
      { id: 'cost', eventType: 'llm', aggregation: 'sum', value: '$.c', scale: 6 },
      { id: 'users', eventType: 'llm', aggregation: 'unique', value: '$.user' },
    ],
    features: [
      { id: 'chat', kind: 'metered', meter: 'tokens' },
      { id: 'spend', kind: 'metered', meter: 'cost' },
    ],
    plans: [
      {
        id: 'pro',
        features: {
          chat: {
            limits: [
              { id: 'daily', kind: 'quota', amount: 500, window: { every: 'day' } },
              { id: 'monthly', kind: 'quota', amount: 1_000, window: month, overage: 'allow' },
            ],
          },
          spend: { limits: [{ id: 'budget', kind: 'quota', amount: 2_000_000, window: month }] },
        },
      },
      {
        id: 'anchored',
        features: {
          chat: {
            limits: [
              {
                id: 'monthly',
                kind: 'quota',
                amount: 100,
                window: { ...month, anchor: 'subscription' },
                overage: 'allow',
              },
            ],
          },
        },
      },
      {
        id: 'daily',
        features: {
          chat: { limits: [{ id: 'per-day', kind: 'quota', amount: 10, window: { every: 'day' }, overage: 'allow' }] },
        },
      },
    ],
    customers: [
      { id: 'acme', plan: 'pro' },
      { id: 'berlin', plan: 'pro', timezone: 'Europe/Berlin' },
      { id: 'anchored', plan: 'anchored', startsAt: '2026-01-15T00:00:00Z' },
      { id: 'daily', plan: 'daily' },
    ],
  }),
);

const BERLIN_NOVEMBER = Date.UTC(2026, 9, 31, 23);
const monthly = (windowStartMs: number, after: number) => [{ id: 'monthly', included: 1_000, windowStartMs, after }];
const chat = { feature: 'chat', meter: 'tokens' };

const entries: TestEntry[] = [
  {
    chargedAtMs: at(3),
    version: 4,
    facts: [
      { ...chat, customer: 'acme', amount: 700, dimensions: { model: 'small' }, limits: monthly(NOVEMBER, 700) },
      {
        feature: 'spend',
        meter: 'cost',
        customer: 'acme',
        amount: 1_250_000,
        limits: [{ id: 'budget', included: 2_000_000, windowStartMs: NOVEMBER, after: 1_250_000 }],
      },
    ],
    denials: [
      {
        ...chat,
        customer: 'acme',
        reason: 'limit_exceeded',
        amount: 600,
        count: 2,
        deniedBy: ['monthly'],
        limits: [{ id: 'monthly', included: 1_000, used: 700, windowStartMs: NOVEMBER }],
      },
    ],
  },
  {
    chargedAtMs: at(5),
    facts: [
      { ...chat, customer: 'acme', amount: 500, dimensions: { model: 'large' }, limits: monthly(NOVEMBER, 1_200) },
    ],
  },
  // Late: it happened in October, and is charged to October's window.
  {
    chargedAtMs: at(5),
    facts: [
      {
        ...chat,
        customer: 'acme',
        amount: 40,
        kind: 'record',
        happenedAtMs: Date.UTC(2026, 9, 30),
        limits: monthly(Date.UTC(2026, 9, 1), 40),
      },
    ],
  },
  // The first hour of Berlin's November is still October in UTC.
  {
    chargedAtMs: BERLIN_NOVEMBER + 60_000,
    facts: [{ ...chat, customer: 'berlin', amount: 11, limits: monthly(BERLIN_NOVEMBER, 11) }],
  },
  // Taken back.
  {
    chargedAtMs: at(6),
    facts: [
      { ...chat, customer: 'acme', amount: 100, kind: 'void', happenedAtMs: at(5), limits: monthly(NOVEMBER, 1_100) },
    ],
  },
];

// Windows from the 15th to the 15th: 80 in October's part, 70 in November's, of which 50 are past what is included.
for (const [instant, amount] of [
  [Date.UTC(2026, 9, 20), 80],
  [Date.UTC(2026, 10, 2), 70],
] as const) {
  const limits = [{ id: 'monthly', included: 100, windowStartMs: Date.UTC(2026, 9, 15), after: amount }];
  entries.push({ chargedAtMs: instant, facts: [{ ...chat, customer: 'anchored', amount, limits }] });
}
// A quota by the day: 12 of 10 on the 3rd, 4 on the 4th.
for (const [day, amount] of [
  [3, 12],
  [4, 4],
] as const) {
  const limits = [{ id: 'per-day', included: 10, windowStartMs: at(day, 0), after: amount }];
  entries.push({ chargedAtMs: at(day), facts: [{ ...chat, customer: 'daily', amount, limits }] });
}

let clickhouse: ClickHouse;
let home: string;
let routes: Route[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'weir-reports-'));
  clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined });
  await migrate(clickhouse);
  const inserter = new Inserter({ clickhouse, log: { warn: () => undefined } });
  await inserter.takeOver();
  const batch = new Batch();
  for (const [index, entry] of entries.entries()) {
    const reason = batch.add({ epoch: 1, shard: 's00', outboxMs: NOW, outboxSeq: index, bytes: buildEntry(entry) });
    expect(reason).toBeUndefined();
  }
  await inserter.insert(batch, () => true);
  routes = reportRoutes({ clickhouse, catalog, now: () => NOW });
});

afterAll(async () => {
  await clickhouse.close();
  await rm(home, { recursive: true, force: true });
});

const operator: ApiKey = { id: 'k', hash: '0'.repeat(64), scopes: ['read'], createdAt: '2026-01-01T00:00:00Z' };

async function get(url: string, options: { accept?: string; key?: ApiKey } = {}): Promise<Reply> {
  const [path = '', search = ''] = url.split('?');
  const route = routes.find((each) => each.path === path);
  if (route === undefined) throw new Error(`no route ${path}`);
  const query = new URLSearchParams(search);
  const unused = () => Promise.reject(new Error('no body'));
  const context: RequestContext = {
    method: 'GET',
    path,
    params: {},
    query,
    header: (name) => (name === 'accept' ? (options.accept ?? '') : ''),
    key: options.key ?? operator,
    authorizeAgain: () => options.key ?? operator,
    body: unused,
    wireBody: unused,
    json: unused,
    parseQuery: (schema) => validate(schema, Object.fromEntries(query)),
  };
  return await whole(await route.handle(context));
}

/** A streamed answer as one that is not. */
async function whole(reply: Reply): Promise<Reply> {
  const type = reply.headers?.['content-type'] ?? '';
  if (reply.chunks === undefined || type.startsWith('text/csv')) return reply;
  const chunks: Buffer[] = [];
  for await (const chunk of reply.chunks) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  return type === 'application/json' ? { ...reply, json: JSON.parse(bytes.toString()) } : { ...reply, bytes };
}

async function textOf(reply: Reply): Promise<string> {
  let text = '';
  for await (const chunk of reply.chunks ?? []) text += String(chunk);
  return text;
}

it('utilization equals what was charged to the windows of the month, in the customer’s own zone', async () => {
  const { json } = await get('/v1/reports/utilization?period=2026-11');
  expect(json).toMatchObject({
    rows: [
      {
        customer: 'acme',
        plan: 'pro',
        feature: 'chat',
        limit: 'monthly',
        included: 1_000,
        used: 1_100,
        overage: 100,
        utilizationPercent: 110,
        deniedCount: 2,
        deniedAmount: 600,
        peakDay: '2026-11-03',
      },
      { customer: 'acme', feature: 'spend', included: '2', used: '1.25', overage: '0', utilizationPercent: 62.5 },
      // Half of its window lies in October.
      { customer: 'anchored', feature: 'chat', included: 100, used: 70, overage: 50, utilizationPercent: 70 },
      { customer: 'berlin', feature: 'chat', used: 11, included: 1_000, peakDay: '2026-11-01' },
      { customer: 'daily', limit: 'per-day', included: 300, used: 16, overage: 2, peakDayUsed: 12 },
    ],
    totals: { customers: 4, used: '1198.25', deniedCount: 2 },
  });
  const october = await get('/v1/reports/utilization?period=2026-10&customer=acme');
  expect(october.json).toMatchObject({ rows: [{ customer: 'acme', used: 40 }] });
});

it('usage over time counts by when it happened, takes voids back out, and fills empty periods', async () => {
  const { json } = await get('/v1/usage?meter=tokens&customer=acme&from=2026-10-29&to=2026-11-07&granularity=day');
  const rows = (json as { rows: { start: string; value: number }[] }).rows;
  expect(rows.map((row) => row.value)).toEqual([0, 40, 0, 0, 0, 700, 0, 400, 0]);
});

it('usage by month and zone, by customer, and by a dimension', async () => {
  const berlin = await get(
    '/v1/usage?meter=tokens&from=2026-10-31T23:00:00Z&to=2026-11-30T23:00:00Z&granularity=month&timezone=Europe/Berlin&groupBy=customer',
  );
  const [start, end] = ['2026-10-31T23:00:00.000Z', '2026-11-30T23:00:00.000Z'];
  expect(berlin.json).toEqual({
    rows: [
      { start, end, meter: 'tokens', customer: 'acme', value: 1_100 },
      { start, end, meter: 'tokens', customer: 'anchored', value: 70 },
      { start, end, meter: 'tokens', customer: 'berlin', value: 11 },
      { start, end, meter: 'tokens', customer: 'daily', value: 16 },
    ],
  });
  const models = await get(
    '/v1/usage?meter=tokens&from=2026-11-01&to=2026-12-01&granularity=month&groupBy=model&customer=acme',
  );
  expect(
    (models.json as { rows: { model: string; value: number }[] }).rows.map((row) => [row.model, row.value]),
  ).toEqual([
    ['', -100],
    ['large', 500],
    ['small', 700],
  ]);
});

it('near limits names the worst first, by the catalog of now and the current window', async () => {
  const { json } = await get('/v1/reports/near-limits?threshold=60');
  expect(json).toMatchObject({
    rows: [
      {
        customer: 'acme',
        feature: 'chat',
        limit: 'monthly',
        used: 1_100,
        included: 1_000,
        percent: 110,
        daysLeft: 10.5,
      },
      { customer: 'acme', feature: 'spend', limit: 'budget', used: '1.25', percent: 62.5 },
    ],
  });
  const none = await get('/v1/reports/near-limits?threshold=111');
  expect(none.json).toEqual({ rows: [] });
});

it('a denial says which limit refused by which numbers and catalog version', async () => {
  const { json } = await get('/v1/reports/denials?customer=acme');
  expect(json).toEqual({
    rows: [
      {
        at: '2026-11-03T12:00:00.000Z',
        customer: 'acme',
        feature: 'chat',
        meter: 'tokens',
        reason: 'limit_exceeded',
        deniedBy: ['monthly'],
        amount: 600,
        count: 2,
        limits: { monthly: { used: 700, included: 1_000 } },
        version: 4,
      },
    ],
  });
});

it('reports come as CSV by Accept or format', async () => {
  const reply = await get('/v1/reports/utilization?period=2026-11', { accept: 'text/csv' });
  expect((await textOf(reply)).split('\r\n').slice(0, 2)).toEqual([
    'customer,plan,feature,meter,limit,included,used,late,overage,utilizationPercent,deniedCount,deniedAmount,peakDay,peakDayUsed',
    'acme,pro,chat,tokens,monthly,1000,1100,0,100,110,2,600,2026-11-03,700',
  ]);
  const denials = await get('/v1/reports/denials?format=csv');
  expect(await textOf(denials)).toContain('2026-11-03T12:00:00.000Z,acme,,chat,tokens,limit_exceeded,monthly,600,2,4');
});

it('reports come as Parquet, with the rows of the other formats', async () => {
  for (const url of [
    '/v1/reports/utilization?period=2026-11&format=parquet',
    '/v1/reports/denials?format=parquet',
    '/v1/reports/near-limits?format=parquet&threshold=1',
    '/v1/audit?format=parquet',
    '/v1/usage?meter=tokens&groupBy=customer&format=parquet&from=2026-11-01&to=2026-12-01',
  ]) {
    const { bytes } = await get(url);
    expect(Buffer.from(bytes ?? []).toString('latin1', 0, 4), url).toBe('PAR1');
  }
  const { bytes } = await get('/v1/reports/utilization?period=2026-11', { accept: 'application/vnd.apache.parquet' });
  const path = join(home, 'utilization.parquet');
  await writeFile(path, bytes ?? '');
  const rows = await clickhouse.query(
    `SELECT customer, toString(used) AS used, toString(peakDay) AS peakDay FROM file('${path}', 'Parquet') WHERE feature = 'spend'`,
    {},
    z.unknown(),
  );
  expect(rows).toEqual([{ customer: 'acme', used: '1.25', peakDay: '2026-11-03' }]);
});

it('a meter of unique values counts each once a period', async () => {
  const users = ['ann', 'bob', 'ann'].map((user) => ({
    customer: 'acme',
    feature: '',
    meter: 'users',
    amount: 1,
    kind: 'record' as const,
    dimensions: { 'unique:users': user },
  }));
  const batch = new Batch();
  batch.add({
    epoch: 1,
    shard: 's01',
    outboxMs: NOW,
    outboxSeq: 0,
    bytes: buildEntry({ chargedAtMs: at(9), facts: users }),
  });
  const inserter = new Inserter({ clickhouse, log: { warn: () => undefined } });
  await inserter.takeOver();
  await inserter.insert(batch, () => true);
  const { json } = await get('/v1/usage?meter=users&from=2026-11-09&to=2026-11-11');
  expect((json as { rows: { value: number | null }[] }).rows.map((row) => row.value)).toEqual([2, null]);
});

it('a key bound to a customer sees that customer only', async () => {
  const key = { ...operator, customer: 'berlin' };
  const { json } = await get('/v1/reports/utilization?period=2026-11', { key });
  expect((json as { rows: { customer: string }[] }).rows.map((row) => row.customer)).toEqual(['berlin']);
  await expect(get('/v1/reports/utilization?period=2026-11&customer=acme', { key })).rejects.toThrow(
    'another customer',
  );
});
