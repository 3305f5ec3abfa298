import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Service, startRedis } from '../../loadtest/harness/services.js';
import { parseCatalog } from '../catalog/document.js';
import { connectRedis, type RedisClient } from '../catalog/redis.js';
import { CatalogRegistry } from '../catalog/registry.js';
import { createEngine, type EngineOptions, type WeirEngine } from '../create.js';
import { Ledger } from './ledger.js';

/** What the simulation has found, each as the shortest history that shows it. */
const AUTHOR = { owner: 'test', actor: 'test' };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOON_MS = Date.parse('2026-03-20T12:00:00Z');
const quota = (id: string, every: string, amount = 1_000): object => ({ id, kind: 'quota', amount, window: { every } });
const seats = { id: 'seats', kind: 'concurrency', slots: 5 };
const bucket = (id: string, amount: number, everyMs: number): object => ({
  id,
  kind: 'bucket',
  capacity: Number.MAX_SAFE_INTEGER,
  refill: { amount, everyMs },
});
const plan = (chat: object[], images: object[]): object => ({
  features: { chat: { limits: chat }, images: { limits: images } },
});

let service: Service;
let redis: RedisClient;
let registry: CatalogRegistry;
let engine: WeirEngine;
let nowMs = NOON_MS;

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
});

beforeEach(async () => {
  await redis.flushall();
  nowMs = NOON_MS;
  registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
});

afterEach(() => engine.close());
afterAll(async () => {
  redis.disconnect();
  await service.stop();
});

/** One customer, with two features on one meter, and a member with a seat of its own. */
async function open(chat: object[], images: object[] = []): Promise<void> {
  const catalog = {
    meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
    features: ['chat', 'images'].map((id) => ({ id, kind: 'metered', meter: 'tokens' })),
    plans: [{ id: 'plan', ...plan(chat, images) }],
    customers: [
      {
        id: 'acme',
        plan: 'plan',
        entities: [{ id: 'ann', features: { chat: { limits: [seats] } } }, { id: 'bob' }, { id: 'eve' }],
      },
    ],
  };
  expect(await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).toMatchObject({ status: 'applied' });
  engine = await connect();
}

const connect = (options: Partial<EngineOptions> = {}) =>
  createEngine({ redis: service.url, clockMs: () => nowMs, storeTimeoutMs: 10_000, storeFateMs: 10_000, ...options });

const send = (id: string, tokens: number, happenedAtMs?: number) =>
  engine.record([{ customer: 'acme', source: 's', id, type: 'llm', happenedAtMs, data: { tokens } }]);
const request = (amount: number, feature = 'chat', entity?: string) => ({
  customer: 'acme',
  feature,
  entity,
  amount,
  dryRun: false,
});
const reserve = (id: string, ttlMs: number, entity?: string) =>
  engine.reserve({ customer: 'acme', feature: 'chat', entity, id, amount: 5, ttlMs });
const limitsOf = async (feature = 'chat', entity?: string) =>
  (await engine.usage('acme', entity)).features[feature]?.limits;
const denials = async () => (await new Ledger(redis).take()).flatMap((entry) => entry.denials);

test('an event on two features keeps both apart where a limit of the first is defined anew', async () => {
  await open([quota('q', 'day')], [quota('q', 'day')]);
  await send('1', 10);
  await registry.putObject('plan', 'plan', plan([quota('q', 'month')], [quota('q', 'day')]), AUTHOR);
  await send('2', 1);
  expect(await limitsOf('chat')).toMatchObject({ q: { used: 1, reserved: 0 } });
  expect(await limitsOf('images')).toMatchObject({ q: { used: 11, reserved: 0 } });
});

test('a record while the clock is behind belongs to the current window, as a check does', async () => {
  await open([quota('q', 'hour')]);
  await engine.recordFeature(request(1));
  nowMs -= HOUR_MS / 2;
  await engine.recordFeature(request(1));
  await send('1', 1);
  expect(await limitsOf()).toMatchObject({ q: { used: 3, resetAtMs: NOON_MS + HOUR_MS } });
});

test('an atomic batch that lacks a window counts its denials once', async () => {
  await open([quota('q', 'day', 3)], [quota('q', 'minute')]);
  await engine.checkMany([request(1), request(1, 'images')], true);
  // The state of images is ten windows ahead of the clock, and so of what a new gateway sends along.
  nowMs -= 10 * MINUTE_MS;
  await engine.close();
  engine = await connect();
  await engine.checkMany([request(9), request(1, 'images')], true);
  expect(await denials()).toMatchObject([{ feature: 'chat', count: 1, amount: 9 }]);
});

test('a hold that expires on an entity goes back once, also when a batch that does not name it is undone', async () => {
  await open([quota('q', 'day', 100)]);
  await reserve('a', 1_000, 'ann');
  await reserve('b', HOUR_MS, 'ann');
  nowMs += MINUTE_MS;
  await engine.checkMany([request(1), request(500)], true);
  await engine.checkMany([request(1), request(500)], true);
  expect(await limitsOf('chat', 'ann')).toMatchObject({ q: { reserved: 5 }, 'ann/seats': { inUse: 1 } });
});

test('whether a bucket has refilled an old event is exact past 2^53', async () => {
  await open([bucket('b', 1_000_000_007, 3)]);
  const elapsedMs = 20_000_001;
  // elapsed × rate is 6666667046666669 and two thirds: one unit more has not refilled yet.
  const refilled = Number((BigInt(elapsedMs) * 1_000_000_007n) / 3n);
  const remaining = async () => (await limitsOf())?.b?.remaining;
  await send('1', refilled, nowMs - elapsedMs);
  expect(await remaining()).toBe(Number.MAX_SAFE_INTEGER);
  await send('2', refilled + 1, nowMs - elapsedMs);
  expect(await remaining()).toBe(Number.MAX_SAFE_INTEGER - refilled - 1);
});

test('a hold released after its window is gone for good, also when the clock is set back into it', async () => {
  await open([quota('q', 'minute')]);
  await reserve('a', HOUR_MS);
  nowMs += 5 * MINUTE_MS;
  await engine.release({ customer: 'acme', id: 'a' });
  nowMs -= 5 * MINUTE_MS;
  expect(await limitsOf()).toMatchObject({ q: { used: 0, reserved: 0 } });
});

test('a hold takes nothing back from a limit that began anew since, from the same start', async () => {
  const define = (every: string) => registry.putObject('plan', 'plan', plan([quota('q', every), seats], []), AUTHOR);
  await open([quota('q', 'month'), seats]);
  await reserve('a', HOUR_MS);
  await reserve('b', HOUR_MS);
  await define('day');
  await engine.checkMany([request(1)], false);
  await define('month');
  await engine.checkMany([request(1)], false);
  await engine.release({ customer: 'acme', id: 'a' });
  expect(await limitsOf()).toMatchObject({ q: { used: 1, reserved: 0 }, seats: { inUse: 1 } });
  nowMs += HOUR_MS;
  await engine.checkMany([request(1)], false);
  expect(await limitsOf()).toMatchObject({ q: { used: 2, reserved: 0 }, seats: { inUse: 0 } });
});

test('denials of one call are counted by entity, also where entities have no limits of their own', async () => {
  await open([quota('q', 'day', 0)]);
  await engine.checkMany([request(1, 'chat', 'bob'), request(2, 'chat', 'eve'), request(4, 'chat', 'eve')], false);
  expect(await denials()).toMatchObject([
    { entity: 'bob', count: 1, amount: 1 },
    { entity: 'eve', count: 2, amount: 6 },
  ]);
});

test('a threshold that still holds after several changes of the allowance is not crossed again', async () => {
  const warned = (amount: number): object[] => [{ ...quota('q', 'day', amount), warnAt: [50] }];
  await open(warned(100));
  expect((await engine.recordFeature(request(90))).crossed).toEqual([{ limit: 'q', threshold: 50 }]);
  for (const amount of [110, 120, 130]) {
    await registry.putObject('plan', 'plan', plan(warned(amount), []), AUTHOR);
    expect((await engine.recordFeature(request(1))).crossed).toEqual([]);
  }
});

test('a threshold is armed again by an allowance of nothing, under which none is crossed', async () => {
  const warned = (amount: number): object[] => [{ ...quota('q', 'day', amount), warnAt: [50] }];
  await open(warned(100));
  const crossings = [(await engine.recordFeature(request(90))).crossed];
  for (const amount of [0, 100]) {
    await registry.putObject('plan', 'plan', plan(warned(amount), []), AUTHOR);
    crossings.push((await engine.recordFeature(request(1))).crossed);
  }
  expect(crossings).toEqual([[{ limit: 'q', threshold: 50 }], [], [{ limit: 'q', threshold: 50 }]]);
});

test('a clock that comes back from the next window leaves what was used in the window before', async () => {
  await open([quota('q', 'hour')]);
  await send('1', 64);
  // The windows that are sent along from here on begin an hour after the first event's.
  nowMs += 2 * HOUR_MS;
  await engine.check({ ...request(1), dryRun: true });
  nowMs -= HOUR_MS / 2;
  await send('2', 1);
  await send('3', 1, NOON_MS);
  const facts = (await new Ledger(redis).take()).flatMap((entry) => entry.facts);
  const after = facts.filter(({ feature }) => feature === 'chat').map(({ limits }) => limits[0]?.after);
  expect(after).toEqual([64, 1, 65]);
});

test('a late commit reaches the kept counter of an entity whose feature has left the plan', async () => {
  const limits = [quota('day', 'day')];
  await open(limits);
  const kim = { id: 'kim', features: { chat: { limits: [quota('own', 'day')] } } };
  await registry.putObject('customer', 'acme', { plan: 'plan', entities: [kim] }, AUTHOR);
  await reserve('r1', 1_000, 'kim');
  nowMs += 2_000;
  // The hold goes back before the feature leaves the plan.
  await engine.check(request(1));
  await registry.putObject('plan', 'plan', { features: {} }, AUTHOR);
  expect(await engine.commit({ customer: 'acme', id: 'r1', amount: 37 })).toMatchObject({ late: true });
  await registry.putObject('plan', 'plan', plan(limits, []), AUTHOR);
  expect(await limitsOf('chat', 'kim')).toMatchObject({ 'kim/own': { used: 37, reserved: 0 } });
});

test.each(['commit', 'release', 'expire'])(
  'a hold on a quota that was defined otherwise and as before since is none of the new one (%s)',
  async (end) => {
    await open([quota('q', 'day')]);
    await reserve('r1', HOUR_MS);
    await registry.putObject('plan', 'plan', plan([quota('q', 'month')], []), AUTHOR);
    await engine.check(request(1));
    await registry.putObject('plan', 'plan', plan([quota('q', 'day')], []), AUTHOR);
    await reserve('r2', 2 * HOUR_MS);
    if (end === 'commit') await engine.commit({ customer: 'acme', id: 'r1', amount: 3 });
    else if (end === 'release') await engine.release({ customer: 'acme', id: 'r1' });
    else nowMs += HOUR_MS;
    await engine.check(request(1));
    expect(await limitsOf()).toMatchObject({ q: { used: 1, reserved: 5 } });
    await engine.commit({ customer: 'acme', id: 'r2', amount: 4 });
    expect(await limitsOf()).toMatchObject({ q: { used: 5, reserved: 0 } });
  },
);

test('a hold on an entity that is gone is settled where it was held, also by a gateway that did not make it', async () => {
  await open([quota('q', 'day')]);
  const kim = { id: 'kim', features: { chat: { limits: [quota('own', 'day')] } } };
  const withEntities = (entities: object[]) =>
    registry.putObject('customer', 'acme', { plan: 'plan', entities }, AUTHOR);
  await withEntities([kim]);
  for (const id of ['r1', 'r2', 'r3']) await reserve(id, HOUR_MS, 'kim');
  await withEntities([]);
  const commit = await engine.commit({ customer: 'acme', id: 'r1', amount: 7 });
  expect(commit.decision.limits).toMatchObject({ q: { used: 7, reserved: 10 } });
  expect(await engine.heartbeat({ customer: 'acme', id: 'r2', ttlMs: HOUR_MS })).toMatchObject({ feature: 'chat' });
  await engine.close();
  engine = await connect();
  await engine.release({ customer: 'acme', id: 'r2' });
  const other = await engine.commit({ customer: 'acme', id: 'r3', amount: 2 });
  expect(other.decision.limits).toMatchObject({ q: { used: 9, reserved: 0 } });
  await withEntities([kim]);
  expect(await limitsOf('chat', 'kim')).toMatchObject({ 'kim/own': { used: 9, reserved: 0 } });
  const facts = (await new Ledger(redis).take()).flatMap((entry) => entry.facts);
  expect(facts).toMatchObject([7, 2].map((amount) => ({ kind: 'commit', entity: 'kim', amount })));
});

test.each([-40, -2, 2, 40])(
  'a gateway whose own clock is %i days wrong decides all the same, and asks once',
  async (days) => {
    await open([quota('minute', 'minute'), quota('month', 'month')]);
    const ownClockMs = () => nowMs + days * 24 * HOUR_MS;
    await engine.close();
    engine = await connect({ ownClockMs });
    const answers = [await engine.check(request(1)), await engine.check(request(1)), await engine.check(request(1))];
    const expected = { allowed: true, limits: { minute: { resetAtMs: NOON_MS + MINUTE_MS } } };
    for (const answer of answers) expect(answer).toMatchObject({ decision: expected });
    const { calls } = engine.counters;
    await engine.check(request(1));
    expect(engine.counters.calls).toBe(calls + 1);
  },
);

test('limits whose states are hours apart are decided together after the clock was set back', async () => {
  await open([quota('q', 'minute')]);
  const kim = { id: 'kim', features: { chat: { limits: [quota('own', 'minute')] } } };
  await registry.putObject('customer', 'acme', { plan: 'plan', entities: [kim] }, AUTHOR);
  await engine.check(request(1));
  nowMs -= 3 * HOUR_MS;
  expect(await engine.check(request(1, 'chat', 'kim'))).toMatchObject({
    decision: {
      allowed: true,
      limits: {
        q: { used: 2, resetAtMs: NOON_MS + MINUTE_MS },
        'kim/own': { used: 1, resetAtMs: NOON_MS - 3 * HOUR_MS + MINUTE_MS },
      },
    },
  });
});

test('a gateway whose clock is a little ahead decides at the border of a window, also where the last state is old', async () => {
  await open([quota('q', 'minute')]);
  await engine.check(request(1));
  await engine.close();
  engine = await connect({ ownClockMs: () => nowMs + 30 });
  nowMs = NOON_MS + HOUR_MS - 10;
  const limits = { q: { used: 1, resetAtMs: NOON_MS + HOUR_MS } };
  expect(await engine.check(request(1))).toMatchObject({ decision: { allowed: true, limits } });
});
