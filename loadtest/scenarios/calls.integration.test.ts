import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  CALL_OPERATIONS_MAX,
  CatalogRegistry,
  connectRedis,
  createEngine,
  parseCatalog,
  type WeirEngine,
} from '../../engine/index.js';
import { type Service, startRedis } from '../harness/services.js';
import { LOAD_EVENT_TYPE, LOAD_FEATURE, loadCatalog } from './catalog.js';
import { RedisMeter } from './redis-meter.js';

/** What Redis is asked for a decision, counted by Redis itself: a speed that no busy machine can hide. */

const CUSTOMERS = 100;
const CHECKS = 1_000;
/** A busy machine is no outage. */
const PATIENT = { storeTimeoutMs: 20_000, storeFateMs: 60_000 };

let service: Service | undefined;
let meter: RedisMeter | undefined;
let engine: WeirEngine | undefined;
const catalog = loadCatalog(CUSTOMERS, 1, Date.now());

beforeAll(async () => {
  service = await startRedis();
  const redis = connectRedis(service.url);
  const registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  await registry.apply(parseCatalog(catalog.text), { owner: 'file', actor: 'file:loadtest' });
  redis.disconnect();
  meter = new RedisMeter(service.url);
  engine = await createEngine({ redis: service.url, ...PATIENT });
  // Each customer is known from here on: what is counted is the deciding alone.
  await engine.checkMany(catalog.customers.map(checkOf), false);
});
afterAll(async () => {
  await engine?.close();
  meter?.close();
  await service?.stop();
});

const customerAt = (index: number): string => catalog.customers[index % CUSTOMERS] ?? '';
const checkOf = (customer: string) => ({ customer, feature: LOAD_FEATURE, amount: 1, dryRun: false });

/** A hold under an id of its number, and its commit. */
async function pair(decider: WeirEngine, number: number): Promise<void> {
  const head = { id: `hold-${number}`, customer: customerAt(number) };
  await decider.reserve({ ...head, feature: LOAD_FEATURE, amount: 2, ttlMs: 60_000 });
  await decider.commit({ ...head, amount: 1 });
}

/** How often Redis was called for some work: functions, and commands that no function made. */
async function callsOf(work: (engine: WeirEngine) => Promise<unknown>): Promise<number> {
  if (engine === undefined || meter === undefined) throw new Error('there is no engine');
  const before = await meter.counts();
  await work(engine);
  return (await meter.counts()).functionCalls - before.functionCalls;
}

it('a check alone is one call', async () => {
  expect(await callsOf((decider) => decider.check(checkOf(customerAt(0))))).toBe(1);
});

it('checks that arrive together share calls: as few as hold them', async () => {
  const together = (decider: WeirEngine) =>
    Promise.all(Array.from({ length: CHECKS }, (_, index) => decider.check(checkOf(customerAt(index)))));
  expect(await callsOf(together)).toBe(Math.ceil(CHECKS / CALL_OPERATIONS_MAX));
});

it('a batch is as few calls as hold its checks, whoever its customers are', async () => {
  const checks = Array.from({ length: CHECKS }, (_, index) => checkOf(customerAt(index)));
  expect(await callsOf((decider) => decider.checkMany(checks.slice(0, 100), false))).toBe(1);
  expect(await callsOf((decider) => decider.checkMany(checks, false))).toBe(Math.ceil(CHECKS / CALL_OPERATIONS_MAX));
});

it('a pair of a hold and its commit is two calls, and pairs side by side share theirs', async () => {
  expect(await callsOf((decider) => pair(decider, 0))).toBe(2);
  const side = Array.from({ length: CALL_OPERATIONS_MAX }, (_, index) => index + 1);
  expect(await callsOf((decider) => Promise.all(side.map((index) => pair(decider, index))))).toBe(2);
});

it('a pair asks Redis for its id once, and writes it once', async () => {
  if (service === undefined || engine === undefined) throw new Error('there is no Redis');
  const redis = connectRedis(service.url);
  const commands = ['hget', 'hset', 'zadd', 'zrem', 'zrangebyscore'] as const;
  const decider = engine;
  const pairs = async (from: number) => {
    for (let number = from; number < from + CUSTOMERS; number++) await pair(decider, number);
  };
  try {
    // The first hold of a customer says by when it is to be looked at.
    await pairs(1_000);
    await redis.config('RESETSTAT');
    await pairs(2_000);
    const stats = await redis.info('commandstats');
    const calls = commands.map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0));
    expect(calls).toEqual([CUSTOMERS, CUSTOMERS, 0, 0, 0]);
  } finally {
    redis.disconnect();
  }
});

it('a batch of events is as few calls as hold them', async () => {
  const events = Array.from({ length: CHECKS }, (_, index) => ({
    id: `event-${index}`,
    source: 'calls',
    type: LOAD_EVENT_TYPE,
    customer: customerAt(index),
    data: { units: 1 },
  }));
  expect(await callsOf((decider) => decider.record(events))).toBe(Math.ceil(CHECKS / CALL_OPERATIONS_MAX));
});

it('a customer that is not in the view costs one call more, and that once', async () => {
  if (service === undefined || meter === undefined) throw new Error('there is no Redis');
  const fresh = await createEngine({ redis: service.url, ...PATIENT });
  try {
    const asked = () => fresh.check(checkOf(customerAt(7)));
    expect(await callsOf(asked)).toBe(2);
    expect(await callsOf(asked)).toBe(1);
  } finally {
    await fresh.close();
  }
});
