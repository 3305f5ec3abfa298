import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Service, startRedis } from '../loadtest/harness/services.js';
import { parseCatalog } from './catalog/document.js';
import { connectRedis, type RedisClient } from './catalog/redis.js';
import { CatalogRegistry } from './catalog/registry.js';
import { ID_RETENTION_MS } from './contract/constants.js';
import { decodeEntry, type Fact } from './contract/fact.js';
import { createEngine, type WeirEngine } from './create.js';
import type { Charge, Correction, EventInput } from './engine.js';
import { chargeOf } from './oracle/charge.js';

/** Events taken back, on a real Redis: what counters and ledger are afterwards. */
const AUTHOR = { owner: 'test', actor: 'test' };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.parse('2026-11-10T08:00:00Z');
const day = (amount: number, window: object = { every: 'day' }): object => ({
  id: 'daily',
  kind: 'quota',
  amount,
  window,
  overage: 'allow',
  warnAt: [50],
});
const bucket = { id: 'burst', kind: 'bucket', capacity: 100, refill: { amount: 1, everyMs: 1_000 } };
const plan = (...limits: object[]): object => ({
  features: {
    chat: { limits },
    calls: { limits: [{ id: 'total', kind: 'quota', amount: 9, window: { every: 'lifetime' }, overage: 'allow' }] },
  },
});
const catalog = {
  meters: [
    { id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens', dimensions: { model: '$.model' } },
    { id: 'requests', eventType: 'llm', aggregation: 'count' },
    { id: 'largest', eventType: 'llm', aggregation: 'max', value: '$.tokens' },
  ],
  features: [
    { id: 'chat', kind: 'metered', meter: 'tokens' },
    { id: 'calls', kind: 'metered', meter: 'requests' },
  ],
  plans: [{ id: 'plan', ...plan(day(100), bucket) }],
  customers: [
    {
      id: 'acme',
      plan: 'plan',
      entities: [{ id: 'team', features: { chat: { limits: [{ ...day(50), id: 'own' }] } } }],
    },
    { id: 'other', plan: 'plan' },
  ],
};

let service: Service;
let redis: RedisClient;
let registry: CatalogRegistry;
let engine: WeirEngine;
let nowMs: number;

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
});

beforeEach(async () => {
  await redis.flushall();
  registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  expect(await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).toMatchObject({ status: 'applied' });
  nowMs = START_MS;
  engine = await createEngine({
    redis: service.url,
    storeTimeoutMs: 5_000,
    storeFateMs: 5_000,
    clockMs: () => nowMs,
  });
});

afterEach(() => engine.close());
afterAll(async () => {
  redis.disconnect();
  await service.stop();
});

async function facts(): Promise<Fact[]> {
  const entries = await redis.xrangeBuffer('{s00}:outbox', '-', '+');
  return entries.flatMap(([, fields]) => decodeEntry(fields[1] ?? Buffer.alloc(0)).facts);
}

/** Records an event. @returns its charge, as the ledger has it. */
async function charged(tokens: number, more: Partial<EventInput> = {}): Promise<Charge> {
  const event = { id: 'e1', source: 'sdk', type: 'llm', customer: 'acme', data: { tokens, model: 'large' }, ...more };
  expect(await engine.record([event])).toEqual([{ status: 'accepted', degraded: false }]);
  const charge = (await facts()).filter(
    ({ kind, id, chargedAtMs }) => kind === 'record' && id === event.id && chargedAtMs === nowMs,
  );
  return chargeOf(charge, `place ${nowMs}`);
}

const limitsOf = async (entity?: string) => (await engine.usage('acme', entity)).features.chat?.limits;
const used = async (): Promise<unknown> => {
  const daily = (await limitsOf())?.daily;
  return daily?.kind === 'quota' ? daily.used : undefined;
};
const voidFacts = async (): Promise<Fact[]> => (await facts()).filter(({ kind }) => kind === 'void');
/** What a correction says of the limits of the feature that most events here are about. */
const chatLimits = ({ facts: corrected }: Correction): unknown =>
  corrected.find(({ feature }) => feature === 'chat')?.limits;
const check = (amount: number) => engine.check({ customer: 'acme', feature: 'chat', amount, dryRun: false });

test('an event taken back gives every part back, and its correction stands in the ledger beside it', async () => {
  const charge = await charged(30, { entity: 'team' });
  expect(await limitsOf('team')).toMatchObject({
    daily: { used: 30 },
    burst: { remaining: 70 },
    'team/own': { used: 30 },
  });
  nowMs += 5_000;
  const correction = await engine.void({ ...charge, dimensions: { ...charge.dimensions, 'void:reason': 'twice' } });
  expect(correction).toMatchObject({ replayed: false, voidedAtMs: nowMs, dimensions: { 'void:reason': 'twice' } });
  expect(correction.facts).toMatchObject([
    { feature: '', meter: 'largest', amount: 30, limits: [] },
    { feature: 'calls', meter: 'requests', amount: 1, limits: [{ id: 'total', after: 0 }] },
    {
      feature: 'chat',
      meter: 'tokens',
      amount: 30,
      limits: [
        { id: 'daily', after: 0 },
        { id: 'burst', windowStartMs: null, after: 100 },
        { id: 'team/own', after: 0 },
      ],
    },
  ]);
  expect(await limitsOf('team')).toMatchObject({
    daily: { used: 0 },
    burst: { remaining: 100 },
    'team/own': { used: 0 },
  });
  const all = await facts();
  expect(all).toHaveLength(6);
  expect(all.slice(3)).toMatchObject(
    all.slice(0, 3).map((fact) => ({
      ...fact,
      kind: 'void',
      chargedAtMs: nowMs,
      happenedAtMs: START_MS,
      index: fact.index,
      dimensions: { model: 'large', 'void:reason': 'twice', 'void:charge': charge.place },
      limits: fact.limits.map(({ id, windowStartMs }) => ({ id, windowStartMs })),
    })),
  );
});

test('the same void again, and many at once through two gateways, change nothing more and get the first answer', async () => {
  const charge = await charged(30);
  await charged(20, { id: 'e2' });
  const second = await createEngine({ redis: service.url, clockMs: () => nowMs, storeTimeoutMs: 5_000 });
  const racing = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? engine : second).void({ ...charge, dimensions: { 'void:reason': `reason ${index}` } }),
    ),
  );
  await second.close();
  const first = racing.filter(({ replayed }) => !replayed);
  expect(first).toHaveLength(1);
  nowMs += HOUR_MS;
  for (const again of [...racing, await engine.void(charge)]) {
    expect({ ...again, replayed: false }).toEqual(first[0]);
  }
  expect(await used()).toBe(20);
  expect(await voidFacts()).toHaveLength(3);
});

test('an event that was charged again after its id was forgotten is taken back charge by charge', async () => {
  const before = await charged(30);
  nowMs += ID_RETENTION_MS;
  const again = await charged(30);
  expect((await engine.void(again)).replayed).toBe(false);
  expect((await engine.void(again)).replayed).toBe(true);
  expect(await used()).toBe(0);
  expect((await engine.void(before)).replayed).toBe(false);
});

test('the window before is given back as well; one that is over for longer is corrected in the ledger alone', async () => {
  const charge = await charged(30);
  nowMs += DAY_MS;
  await charged(20, { id: 'e2' });
  const late = await charged(7, { id: 'late', happenedAtMs: START_MS });
  const windowStartMs = Date.parse('2026-11-10T00:00:00Z');
  expect(chatLimits(await engine.void(late))).toMatchObject([{ id: 'daily', windowStartMs, after: 30 }]);
  expect(chatLimits(await engine.void(charge))).toMatchObject([{ id: 'daily', windowStartMs, after: 0 }, {}]);
  expect(await used()).toBe(20);

  const old = await charged(5, { id: 'old' });
  nowMs += 2 * DAY_MS;
  await charged(1, { id: 'e3' });
  expect(chatLimits(await engine.void(old))).toMatchObject([
    { id: 'daily', after: null },
    { id: 'burst', after: 100 },
  ]);
  const [fact] = (await voidFacts()).filter(({ id, feature }) => id === 'old' && feature === 'chat');
  expect(fact).toMatchObject({
    amount: 5,
    limits: [{ id: 'daily', windowStartMs: windowStartMs + DAY_MS, after: -1, included: 100 }, { id: 'burst' }],
  });
  expect(await used()).toBe(1);
});

test('a bucket is filled up to its capacity, debt first, and a bucket left alone gets nothing', async () => {
  const charge = await charged(150);
  expect(await limitsOf()).toMatchObject({ burst: { remaining: 0 } });
  nowMs += 20_000;
  expect(chatLimits(await engine.void(charge))).toMatchObject([{}, { id: 'burst', windowStartMs: null, after: 100 }]);
  await check(40);
  // So long ago that the bucket would have refilled: it was not charged.
  const past = await charged(10, { id: 'past', happenedAtMs: nowMs - HOUR_MS });
  expect(chatLimits(await engine.void(past))).toMatchObject([{ id: 'daily' }]);
  expect(await limitsOf()).toMatchObject({ burst: { remaining: 60 } });
});

test('a threshold that was crossed stays crossed when usage goes down again', async () => {
  const charge = await charged(60);
  await engine.void(charge);
  const again = await check(60);
  expect(again).toMatchObject({ status: 'decided', decision: { crossed: [], limits: { daily: { used: 60 } } } });
});

test('limits that are gone or begun anew are left alone: the ledger is corrected, and no counter goes below 0', async () => {
  const charge = await charged(30);
  await registry.putObject('plan', 'plan', plan(day(100, { every: 'month' })), AUTHOR);
  await charged(4, { id: 'e2' });
  expect(chatLimits(await engine.void(charge))).toEqual([
    { id: 'daily', windowStartMs: Date.parse('2026-11-10T00:00:00Z'), after: null },
    { id: 'burst', windowStartMs: null, after: null },
  ]);
  expect(await used()).toBe(4);
  // Defined anew and back: it began at 0 in the very window that the fact names.
  await registry.putObject('plan', 'plan', plan(day(100), bucket), AUTHOR);
  const old = await charged(9, { id: 'e3' });
  await registry.putObject('plan', 'plan', plan(day(100, { every: 'month' }), bucket), AUTHOR);
  await charged(1, { id: 'e4' });
  await registry.putObject('plan', 'plan', plan(day(100), bucket), AUTHOR);
  await charged(2, { id: 'e5' });
  expect(chatLimits(await engine.void(old))).toMatchObject([{ id: 'daily', after: null }, {}]);
  expect(await used()).toBe(2);
});

test('what no longer exists can be taken back: the entity, the feature, the customer', async () => {
  const first = await charged(30, { entity: 'team' });
  const second = await charged(5, { id: 'e2', entity: 'team' });
  await registry.putObject('customer', 'acme', { plan: 'plan' }, AUTHOR);
  expect(chatLimits(await engine.void(first))).toMatchObject([
    { id: 'daily', after: 5 },
    { id: 'burst', after: 95 },
    { id: 'team/own', after: null },
  ]);
  const { version } = await registry.deleteObject('customer', 'acme', AUTHOR);
  expect(version).toBeGreaterThan(0);
  const { facts: corrected } = await engine.void(second);
  expect(corrected.flatMap(({ limits }) => limits.map(({ after }) => after))).toEqual([null, null, null, null]);
  expect((await voidFacts()).map(({ entity }) => entity)).toEqual(Array.from({ length: 6 }, () => 'team'));
});

test('the end of the ledger is that of the outbox, also after the relay has emptied it', async () => {
  expect(await engine.ledgerEnd('acme')).toBeUndefined();
  await charged(1);
  const [last] = await redis.xrevrange('{s00}:outbox', '+', '-', 'COUNT', 1);
  const end = await engine.ledgerEnd('acme');
  expect(`${end?.outboxMs}-${end?.outboxSeq}`).toBe(last?.[0]);
  await redis.xtrim('{s00}:outbox', 'MAXLEN', 0);
  expect(await engine.ledgerEnd('acme')).toEqual(end);
});
