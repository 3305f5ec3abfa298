import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { CatalogRegistry, createEngine, parseCatalog, type WeirEngine } from '../../engine/index.js';
import { CATALOG_META_KEY, shardStateKey } from '../../engine/store/keys.js';
import { type RunningRelay, startRelay } from '../../ingest/relay/start.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { ClickHouse } from '../clickhouse.js';
import { financeReport } from '../finance/report.js';
import { byUtcDay, loadQuery } from '../queries.js';
import { type RunningSink, startSink } from '../sink/start.js';
import { numbers, Pipeline } from '../test-support/pipeline.js';
import { utilizationAnswer } from '../test-support/utilization.js';

const HOUR_MS = 3_600_000;
const monthIn = (hours: number) => new Date(Date.now() + hours * HOUR_MS).getUTCMonth();
/** A zone other than UTC where it is the same month, since the reports are of one month. */
const ZONE = monthIn(5.5) === monthIn(0) ? 'Asia/Kolkata' : 'America/St_Johns';
const CATALOG = `
meters:
  - { id: tokens, eventType: llm, aggregation: sum, value: $.tokens, dimensions: { model: $.model } }
  - { id: spend, eventType: llm, aggregation: sum, value: $.spend, scale: 6 }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: budget, kind: metered, meter: spend }
plans:
  - id: pro
    features:
      chat:
        limits:
          - { id: monthly, kind: quota, amount: 5000, window: { every: month }, overage: { upTo: 500 } }
          - { id: burst, kind: bucket, capacity: 100000, refill: { amount: 1, everyMs: 1000 } }
      budget: { limits: [{ id: monthly, kind: quota, amount: 9000000, window: { every: month } }] }
customers:
${Array.from({ length: 20 }, (_, index) => `  - { id: customer-${index}, plan: pro, timezone: ${index % 2 === 0 ? 'UTC' : ZONE} }`).join('\n')}
`;

let pipeline: Pipeline;
let clickhouse: ClickHouse;
let engine: WeirEngine;
let relay: RunningRelay;
let sink: RunningSink;

beforeAll(async () => {
  pipeline = await Pipeline.start();
  await pipeline.redis.del(CATALOG_META_KEY, shardStateKey('s00'));
  const registry = new CatalogRegistry(pipeline.redis);
  await registry.initialise({ shards: 1 });
  await registry.apply(parseCatalog(CATALOG), { owner: 'file', actor: 'test' });
  engine = await createEngine({ redis: pipeline.redisService.url, storeTimeoutMs: 5_000, storeFateMs: 5_000 });
  clickhouse = await ClickHouse.open({ home: pipeline.home, clickhouseUrl: undefined });
  const shared = { nats: pipeline.nats, registry: new Registry(), log: pipeline.log };
  relay = startRelay({ ...shared, redis: pipeline.redis, connectBlocking: () => pipeline.connectBlocking() });
  sink = startSink({ ...shared, clickhouse });
});

afterAll(async () => {
  await relay.stop();
  await sink.stop();
  await engine.close();
  await clickhouse.close();
  await pipeline.stop();
});

/** A small generator with a seed, so that a failure can be repeated (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

it('the utilization and the finance report equal the live counters and the denials that were answered, to the unit', async () => {
  const seed = Date.now() % 1_000_000;
  const pick = random(seed);
  let denied = 0;
  let charged = 0;
  for (let round = 0; round < 40; round++) {
    const outcomes = await engine.checkMany(
      Array.from({ length: 60 }, () => ({
        customer: `customer-${pick(20)}`,
        feature: pick(3) === 0 ? 'budget' : 'chat',
        amount: pick(2) === 0 ? pick(60) : pick(400),
        dryRun: false,
      })),
      false,
    );
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('decided');
      if (outcome.status !== 'decided') continue;
      if (outcome.decision.allowed) charged += 1;
      else denied += 1;
    }
    const recorded = await engine.record(
      Array.from({ length: 10 }, (_, index) => ({
        id: `${round}-${index}`,
        source: 'test',
        type: 'llm',
        customer: `customer-${pick(20)}`,
        data: { tokens: pick(30), spend: `0.${String(pick(1_000_000)).padStart(6, '0')}`, model: 'small' },
      })),
    );
    expect(
      recorded.every((each) => each.status === 'accepted'),
      `seed ${seed}`,
    ).toBe(true);
    charged += 10 * 2;
  }
  expect(denied, `seed ${seed}`).toBeGreaterThan(0);
  const count = async (sql: string) => (await numbers(clickhouse, sql)).n;
  await waitFor(async () => (await count('SELECT count() AS n FROM usage_facts')) === charged, {
    timeoutMs: 20_000,
    what: `${charged} facts, seed ${seed}`,
  });
  await waitFor(async () => (await count('SELECT sum(denials) AS n FROM denials')) === denied, {
    timeoutMs: 20_000,
    what: `${denied} denials, seed ${seed}`,
  });

  const period = new Date().toISOString().slice(0, 7);
  const request = { period, customer: '', plan: undefined, limit: 1_000, cursor: undefined };
  const { rows, totals } = await utilizationAnswer(clickhouse, engine.view, request);
  for (const row of rows) {
    const { features } = await engine.usage(String(row.customer));
    const state = features[String(row.feature)]?.limits.monthly;
    if (state?.kind !== 'quota') throw new Error('a quota has the state of a quota');
    const scale = row.feature === 'budget' ? 6 : 0;
    const shown = (amount: number) => (scale === 0 ? amount : amount / 10 ** scale);
    expect(Number(row.used), `${row.customer} ${row.feature}, seed ${seed}`).toBe(shown(state.used));
    expect(Number(row.overage)).toBe(shown(state.overage));
    expect(Number(row.included)).toBe(shown(state.included));
  }
  expect(totals.deniedCount).toBe(denied);

  const finance = await financeReport(
    clickhouse,
    engine.view,
    { period, customer: '', plan: undefined, asOfMs: undefined },
    Date.now(),
  );
  let windows = 0;
  for await (const page of finance.pages) {
    for (const row of page) {
      const { features } = await engine.usage(String(row.customer));
      const state = features[String(row.feature)]?.limits[String(row.limit)];
      if (state?.kind !== 'quota') throw new Error('a line of the finance report is a quota');
      const scale = row.feature === 'budget' ? 6 : 0;
      const shown = (amount: number) => (scale === 0 ? amount : amount / 10 ** scale);
      const line = `${row.customer} ${row.feature} ${row.limit}, seed ${seed}`;
      expect([row.closing, row.included, row.overage].map(Number), line).toEqual(
        [state.used, state.included, state.overage].map(shown),
      );
      windows += 1;
    }
  }
  expect(windows).toBe(rows.length);
  const deniedInAll = z.object({ totals: z.object({ limits: z.array(z.object({ deniedCount: z.number() })) }) });
  const { limits } = deniedInAll.parse(finance.tail()).totals;
  expect(limits.reduce((sum, each) => sum + each.deniedCount, 0)).toBe(denied);

  const pages: unknown[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await utilizationAnswer(clickhouse, engine.view, { ...request, limit: 7, cursor });
    pages.push(...page.rows);
    cursor = page.nextCursor;
    if (cursor === undefined) break;
  }
  expect(pages).toEqual(rows);
});

it('reports are answered from the roll-up, not from the facts', async () => {
  const span = { customers: ['customer-1'], fromMs: 0, toMs: Date.now(), fromMonth: '197001', timezone: 'UTC' };
  const history = { historyMs: 0, historyMonth: '197001', shortLimits: [] };
  const groups = { byCustomer: true, byFeature: true, byValue: false, limit: 10, offset: 0 };
  const usage = { meter: 'tokens', customer: '', starts: [0], ...groups };
  const near = {
    customer: '',
    names: ['monthly'],
    namedFromMs: [1],
    thresholdHundredths: 8_000,
    afterParts: '0',
    afterCustomer: '',
    afterFeature: '',
    afterLimit: '',
  };
  const entities = { everyEntity: true, entities: [], ownLimits: ['monthly'], limitPrefix: '' };
  const parameters = { ...span, ...history, ...usage, ...near, ...entities };
  const texts = [
    'period-usage',
    'window-usage',
    'denied-usage',
    'usage',
    'current-windows',
    'finance-windows',
    'finance-outside',
  ];
  for (const name of texts) {
    for (const text of [loadQuery(name), byUtcDay(loadQuery(name))]) {
      const explain = `EXPLAIN projections = 1 ${text.replace(/--.*$/gm, '')}`;
      const plan = await clickhouse.query(explain, parameters, z.object({ explain: z.string() }));
      expect(plan.map((line) => line.explain).join('\n'), name).toContain('roll_up');
    }
  }
});
