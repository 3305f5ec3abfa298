import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Service, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { parseCatalog } from '../catalog/document.js';
import { connectRedis, type RedisClient } from '../catalog/redis.js';
import { CatalogRegistry } from '../catalog/registry.js';
import { ID_BUCKETS, ID_BUCKETS_PER_SWEEP, ID_RETENTION_MS_MIN } from '../contract/constants.js';
import { decodeEntry } from '../contract/fact.js';
import { createEngine, type WeirEngine } from '../create.js';
import type { CheckOutcome } from '../engine.js';

const AUTHOR = { owner: 'test', actor: 'test' };
const QUOTA = 1_000;
const limits = (amount: number): object[] => [
  { id: 'life', kind: 'quota', amount, window: { every: 'lifetime' }, warnAt: [50] },
  { id: 'burst', kind: 'bucket', capacity: 1_000_000, refill: { amount: 1, everyMs: 1 } },
];
const plan = (amount: number): object => ({ id: 'plan', features: { chat: { limits: limits(amount) }, sso: true } });
const catalog = {
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [
    { id: 'chat', kind: 'metered', meter: 'tokens' },
    { id: 'sso', kind: 'boolean' },
  ],
  plans: [plan(QUOTA)],
  customers: Array.from({ length: 20 }, (_, index) => ({ id: `c${index}`, plan: 'plan' })),
};

let service: Service;
let redis: RedisClient;
let registry: CatalogRegistry;
const engines: WeirEngine[] = [];

async function open(options: { storeTimeoutMs?: number; storeFateMs?: number } = {}): Promise<WeirEngine> {
  const engine = await createEngine({ redis: service.url, storeTimeoutMs: 5_000, storeFateMs: 5_000, ...options });
  engines.push(engine);
  return engine;
}

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
});

beforeEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
  await redis.flushall();
  registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  expect((await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).status).toBe('applied');
});

afterAll(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
  redis.disconnect();
  await service.stop();
});

const check = (engine: WeirEngine, customer = 'c0', amount = 1, id?: string) =>
  engine.check({ customer, feature: 'chat', amount, id, dryRun: false });

async function ledger(): Promise<{ facts: number; amount: number; denied: number }> {
  const entries = await redis.xrangeBuffer('{s00}:outbox', '-', '+');
  const sums = { facts: 0, amount: 0, denied: 0 };
  for (const [, fields] of entries) {
    const entry = decodeEntry(fields[1] ?? Buffer.alloc(0));
    sums.facts += entry.facts.length;
    for (const fact of entry.facts) sums.amount += fact.amount;
    for (const denial of entry.denials) sums.denied += denial.count;
  }
  return sums;
}

test('several gateways together admit a quota to the unit, and facts and denials say the same', async () => {
  const gateways = await Promise.all([open(), open(), open()]);
  const outcomes = await Promise.all(
    Array.from({ length: 3_000 }, (_, index) => check(gateways[index % 3] ?? gateways[0])),
  );
  const admitted = outcomes.filter((outcome) => outcome.status === 'decided' && outcome.decision.allowed).length;
  expect(admitted).toBe(QUOTA);
  expect(await ledger()).toEqual({ facts: QUOTA, amount: QUOTA, denied: 3_000 - QUOTA });
  const crossings = outcomes.flatMap((outcome) => (outcome.status === 'decided' ? outcome.decision.crossed : []));
  expect(crossings).toEqual([{ limit: 'life', threshold: 50 }]);
});

test('a lost reply charges once: the connection is cut again and again while checks run', async () => {
  const engine = await open();
  await Promise.all(Array.from({ length: 20 }, (_, index) => engine.usage(`c${index}`)));
  const rounds: Promise<CheckOutcome[]>[] = [];
  for (let round = 0; round < 60; round++) {
    const { calls } = engine.counters;
    rounds.push(Promise.all(Array.from({ length: 20 }, (_, index) => check(engine, `c${index}`))));
    await waitFor(() => engine.counters.calls > calls, { timeoutMs: 5_000, what: 'a call in flight' });
    for (const line of String(await redis.call('CLIENT', 'LIST')).split('\n')) {
      const id = /^id=(\d+) .*name=weir-engine /.exec(line)?.[1];
      if (id !== undefined) await redis.call('CLIENT', 'KILL', 'ID', id);
    }
  }
  const outcomes = (await Promise.all(rounds)).flat();
  expect(outcomes.every((outcome) => outcome.status === 'decided' && outcome.decision.allowed)).toBe(true);
  expect(engine.counters.resends).toBeGreaterThan(0);
  expect((await ledger()).facts).toBe(1_200);
});

test('a change of the catalog is in force at once: no gateway decides by the old one after it is answered', async () => {
  const gateways = await Promise.all([open(), open()]);
  await Promise.all(gateways.map((gateway) => check(gateway)));
  for (const amount of [5, 3, 100, 2]) {
    await registry.putObject('plan', 'plan', plan(amount), AUTHOR);
    const states = await Promise.all(gateways.map((gateway) => gateway.usage('c0')));
    for (const { features } of states) expect(features.chat?.limits.life).toMatchObject({ included: amount });
  }
});

test('an id is charged once whichever gateway it comes through, and a boolean feature is fenced without a charge', async () => {
  const gateways = await Promise.all([open(), open()]);
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => check(gateways[index % 2] ?? gateways[0], 'c1', 3, 'same')),
  );
  expect(outcomes.filter((outcome) => outcome.status === 'decided' && !outcome.decision.replayed)).toHaveLength(1);
  const [gateway] = gateways;
  expect(await gateway?.check({ customer: 'c1', feature: 'sso', amount: 1, dryRun: false })).toMatchObject({
    decision: { allowed: true, value: true, limits: {} },
  });
  expect((await ledger()).facts).toBe(1);
});

test('a silent Redis is answered for within the timeout, and what was not sent is not charged', async () => {
  const engine = await open({ storeTimeoutMs: 50, storeFateMs: 400 });
  await check(engine);
  await Promise.all([engine.usage('c2'), engine.usage('c3')]);
  await service.kill('SIGSTOP');
  const sent = check(engine, 'c2');
  await waitFor(() => engine.depth > 0, { timeoutMs: 1_000, what: 'a call in flight' });
  const outcomes = Promise.allSettled([sent, ...Array.from({ length: 500 }, () => check(engine, 'c3'))]);
  const settled = await outcomes;
  await service.kill('SIGCONT');
  expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
  const codes = new Set(settled.map((each) => (each.status === 'rejected' ? each.reason.code : '')));
  expect(codes.has('outcome_unknown')).toBe(true);
  await waitFor(async () => (await engine.ready()).ready, { timeoutMs: 5_000, what: 'Redis' });
  await check(engine);
  expect((await engine.usage('c0')).features.chat?.limits.life).toMatchObject({ used: 2 });
});

test('a Redis that has forgotten its functions, or all of its state, admits nothing by mistake', async () => {
  const engine = await open();
  await check(engine);
  await redis.call('FUNCTION', 'FLUSH');
  await check(engine);
  expect((await engine.usage('c0')).features.chat?.limits.life).toMatchObject({ used: 2 });
  await redis.flushall();
  await expect(check(engine)).rejects.toMatchObject({ code: 'uninitialised' });
});

test('an atomic batch is charged whole or not at all', async () => {
  const engine = await open();
  const item = (amount: number) => ({ customer: 'c4', feature: 'chat', amount, dryRun: false });
  const refused = await engine.checkMany([item(600), item(300), item(200)], true);
  expect(refused.map((outcome) => (outcome.status === 'decided' ? outcome.decision.reason : outcome.code))).toEqual([
    'batch_denied',
    'batch_denied',
    'limit_exceeded',
  ]);
  expect((await ledger()).facts).toBe(0);
  const admitted = await engine.checkMany([item(600), item(300)], true);
  expect(admitted.every((outcome) => outcome.status === 'decided' && outcome.decision.allowed)).toBe(true);
  expect((await engine.usage('c4')).features.chat?.limits.life).toMatchObject({ used: 900 });
});

test('sixty-four checks of one turn cost one call of the script', async () => {
  const engine = await open();
  await Promise.all(Array.from({ length: 20 }, (_, index) => engine.usage(`c${index}`)));
  const before = engine.counters.calls;
  await Promise.all(Array.from({ length: 64 }, (_, index) => check(engine, `c${index % 20}`)));
  expect(engine.counters.calls - before).toBe(1);
});

test('more open holds than a holder has at hand are kept apart, and end as the others do', async () => {
  const engine = await open();
  const [customer, apart] = ['c7', '{s00}:h:c7'];
  const life = async () => (await engine.usage(customer)).features.chat?.limits.life;
  const hold = (id: number, ttlMs = 60_000) =>
    engine.reserve({ customer, id: `r${id}`, feature: 'chat', amount: 10, ttlMs });
  const ids = Array.from({ length: 12 }, (_, index) => index);
  for (const id of ids) await hold(id);
  expect(await redis.zcard(apart)).toBe(4);
  expect(await life()).toMatchObject({ reserved: 120, used: 0 });
  expect(await hold(3)).toMatchObject({ decision: { replayed: true } });
  expect(await hold(11)).toMatchObject({ decision: { replayed: true } });
  await engine.heartbeat({ customer, id: 'r3', ttlMs: 70_000 });
  await engine.heartbeat({ customer, id: 'r11', ttlMs: 70_000 });
  expect(await redis.zcard(apart)).toBe(4);
  for (const id of ids.slice(0, 4)) await engine.commit({ customer, id: `r${id}`, amount: 5 });
  // Room at hand again: what is apart stays there.
  await hold(12);
  expect(await redis.zcard(apart)).toBe(4);
  for (const id of [...ids.slice(4), 12]) await engine.release({ customer, id: `r${id}` });
  expect(await redis.exists(apart)).toBe(0);
  expect(await life()).toMatchObject({ reserved: 0, used: 20 });
  expect(await engine.commit({ customer, id: 'r3', amount: 5 })).toMatchObject({ decision: { replayed: true } });

  for (const id of ids) await hold(100 + id, 1);
  await waitFor(async () => JSON.stringify(await life()).includes('"reserved":0,'), {
    timeoutMs: 5_000,
    what: 'the holds to expire',
  });
  await check(engine, customer);
  expect(await redis.exists(apart)).toBe(0);
  await expect(engine.release({ customer, id: 'r100' })).rejects.toMatchObject({ code: 'reservation_expired' });
});

test('the sweep undoes holds of silent customers, and forgets ids when their memory is full, oldest hour first', async () => {
  const engine = await open();
  const sweeper = engine.sweeper(0);
  await engine.reserve({ customer: 'c5', id: 'r', feature: 'chat', amount: 10, ttlMs: 1 });
  await waitFor(async () => (await sweeper.sweepHolds()) > 0, { timeoutMs: 5_000, what: 'the hold to expire' });
  expect(await redis.zcard('{s00}:holds')).toBe(0);
  expect((await engine.usage('c5')).features.chat?.limits.life).toMatchObject({ reserved: 0, used: 0 });

  expect(await check(engine, 'c6', 1, 'first')).toMatchObject({ status: 'decided' });
  for (let call = 0; call < ID_BUCKETS / ID_BUCKETS_PER_SWEEP; call++) await sweeper.sweepIds();
  expect(sweeper.counters).toMatchObject({ ids: 2, retentionMs: ID_RETENTION_MS_MIN - 1 });
  await expect(check(engine, 'c6', 1, 'second')).rejects.toMatchObject({ code: 'id_memory_full' });
  expect(await check(engine, 'c6', 1, 'first')).toMatchObject({ decision: { replayed: true } });
  expect(await check(engine, 'c6', 1)).toMatchObject({ decision: { allowed: true } });
});

test('a refusal is never told by a catalog left behind: what was just made is known to every gateway', async () => {
  const engine = await open();
  const event = (customer: string, type = 'llm') => ({
    id: `${customer} ${type}`,
    source: 's',
    type,
    customer,
    data: { tokens: 1 },
  });
  for (let round = 0; round < 5; round++) {
    const customer = `new-${round}`;
    expect(await engine.record([event(customer)])).toMatchObject([{ code: 'unknown_customer' }]);
    await expect(engine.usage(customer)).rejects.toMatchObject({ code: 'unknown_customer' });
    // Without its stream of changes the view learns of the next ones only by asking.
    for (const line of String(await redis.call('CLIENT', 'LIST')).split('\n')) {
      const id = /^id=(\d+) .*name=weir-catalog-tail /.exec(line)?.[1];
      if (id !== undefined) await redis.call('CLIENT', 'KILL', 'ID', id);
    }
    await registry.putObject('customer', customer, { plan: 'plan' }, AUTHOR);
    const meter = { eventType: `type-${round}`, aggregation: 'count' };
    await registry.putObject('meter', `meter-${round}`, meter, AUTHOR);
    expect(await engine.record([event(customer), event('c0', `type-${round}`)])).toMatchObject([
      { status: 'accepted' },
      { status: 'accepted' },
    ]);
    await engine.usage(customer);
  }
});
