import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startRedis } from '../loadtest/harness/services.js';
import { parseCatalog } from './catalog/document.js';
import { connectRedis, type RedisClient } from './catalog/redis.js';
import { CatalogRegistry } from './catalog/registry.js';
import { createEngine, type WeirEngine } from './create.js';
import type { ReservationAnswer } from './engine.js';
import { customerHolder, holderKey, shardName } from './store/keys.js';

/** What is remembered of reservations, also where 0.1.0 wrote it: eleven values, with answers as rows of numbers. */
const NOW_MS = Date.parse('2026-11-10T08:00:00Z');
const AUTHOR = { owner: 'test', actor: 'test' };
const CUSTOMER = 'acme';
const INCLUDED = 1_000;
const HELD = 10;
const CHARGED = 7;
const hold = { customer: CUSTOMER, feature: 'chat', amount: HELD, ttlMs: 60_000 };
const catalog = {
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [
    {
      id: 'plan',
      features: { chat: { limits: [{ id: 'total', kind: 'quota', amount: INCLUDED, window: { every: 'lifetime' } }] } },
    },
  ],
  customers: [{ id: CUSTOMER, plan: 'plan' }],
};

/** Info, crossings, used, reserved, included, hard (as included), end (never) of the one limit, behind the expiry. */
const row = (expiresAtMs: number, used: number, reserved: number): number[] => [
  expiresAtMs,
  1,
  0,
  used,
  reserved,
  INCLUDED,
  -2,
  -1,
];

/** Of the record, in a holder with one quota: behind 18 bytes of head, 9 of directory, 38 of numbers, and fingerprint, expiry, body. */
const LENGTH_AT = 18 + 9 + 38 + 16 + 8 + 8 + 1;

/** The record of a hold at hand, which ends its holder's string; without one the records among the ids of KEYS. */
const AS_BEFORE = `
  local held, settled = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
  local function asBefore(record)
    local status = struct.unpack('<B', record)
    if status == 17 then
      local _, _, heldAt, amount, feature, entries = struct.unpack('<Bc3ddHc0Hc0', record)
      return cmsgpack.pack(1, heldAt, held[1], amount, feature, entries, cmsgpack.pack(unpack(held)), 0, 0, false, false)
    end
    if status ~= 18 then error('no record of now') end
    local _, _, _, flags, amount, feature = struct.unpack('<Bc3c3BdHc0', record)
    local answers = { cmsgpack.pack(unpack(held)), cmsgpack.pack(unpack(settled)) }
    return cmsgpack.pack(2, 0, held[1], 0, feature, '', answers[1], amount, flags, answers[2], false)
  end
  for index = 2, #KEYS do
    local fields = redis.call('HGETALL', KEYS[index])
    for at = 1, #fields, 2 do
      redis.call('HSET', KEYS[index], fields[at], string.sub(fields[at + 1], 1, 14) .. asBefore(string.sub(fields[at + 1], 15)))
    end
  end
  if #KEYS > 1 then return 'ids' end
  local raw = redis.call('GET', KEYS[1])
  local length, at = struct.unpack('<H', raw, ${LENGTH_AT})
  if at + length - 1 ~= #raw then error('no hold at hand') end
  local record = asBefore(string.sub(raw, at))
  redis.call('SET', KEYS[1], string.sub(raw, 1, ${LENGTH_AT} - 1) .. struct.pack('<Hc0', #record, record))
  return 'at hand'
`;

/** The answers of checks among the ids of KEYS: an array with a zero before its numbers, and no shape. */
const CHECKS_AS_BEFORE = `
  for _, key in ipairs(KEYS) do
    local fields = redis.call('HGETALL', key)
    for at = 1, #fields, 2 do
      local numbers = { cmsgpack.unpack(string.sub(fields[at + 1], 18)) }
      table.insert(numbers, 1, 0)
      redis.call('HSET', key, fields[at], string.sub(fields[at + 1], 1, 14) .. cmsgpack.pack(numbers))
    end
  end
  return #KEYS
`;

let service: Service;
let redis: RedisClient;
let registry: CatalogRegistry;
let engine: WeirEngine;

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url);
  registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  expect(await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).toMatchObject({ status: 'applied' });
  engine = await createEngine({ redis: service.url, storeTimeoutMs: 5_000, clockMs: () => NOW_MS });
});

afterAll(async () => {
  await engine.close();
  redis.disconnect();
  await service.stop();
});

async function rewrite(held: number[], settled: number[]): Promise<unknown> {
  const shard = shardName(0);
  const ids = await redis.keys(`{${shard}}:ids:*`);
  const keys = [holderKey(shard, customerHolder(CUSTOMER)), ...ids];
  return redis.eval(AS_BEFORE, keys.length, ...keys, JSON.stringify(held), JSON.stringify(settled));
}

const again = (answer: ReservationAnswer): ReservationAnswer => ({
  ...answer,
  decision: { ...answer.decision, replayed: true },
});

test('a hold of before is repeated, committed, and its commit repeated; so is one that was settled before', async () => {
  const held = await engine.reserve({ ...hold, id: 'a' });
  const asHeld = row(held.expiresAtMs, 0, HELD);
  const asSettled = row(0, CHARGED, 0);
  expect(await rewrite(asHeld, asSettled)).toBe('at hand');
  expect(await engine.reserve({ ...hold, id: 'a' })).toEqual(again(held));
  const committed = await engine.commit({ customer: CUSTOMER, id: 'a', amount: CHARGED });
  expect(committed.decision.limits.total).toMatchObject({ used: CHARGED, reserved: 0 });
  const repeated = async (): Promise<void> => {
    expect(await engine.commit({ customer: CUSTOMER, id: 'a', amount: CHARGED })).toEqual(again(committed));
    expect(await engine.reserve({ ...hold, id: 'a' })).toEqual(again(held));
  };
  await repeated();
  expect(await rewrite(asHeld, asSettled)).toBe('ids');
  await repeated();
});

test('a check of before is repeated', async () => {
  await redis.del(...(await redis.keys('*:ids:*')));
  const asked = { customer: CUSTOMER, feature: 'chat', amount: 2, id: 'c', dryRun: false };
  const first = await engine.check(asked);
  if (first.status !== 'decided') throw new Error(first.code);
  const ids = await redis.keys('*:ids:*');
  expect(await redis.eval(CHECKS_AS_BEFORE, ids.length, ...ids)).toBe(1);
  expect(await engine.check(asked)).toEqual({ ...first, decision: { ...first.decision, replayed: true } });
});

test('an answer is repeated with the limits it was given under, or without any', async () => {
  const held = await engine.reserve({ ...hold, id: 'b' });
  const putLimits = (limits: object[]) =>
    registry.putObject('plan', 'plan', { features: { chat: { limits } } }, AUTHOR);
  const other = { id: 'other', kind: 'quota', amount: 7 * INCLUDED, window: { every: 'lifetime' } };
  await putLimits([other]);
  const committed = await engine.commit({ customer: CUSTOMER, id: 'b', amount: CHARGED });
  expect(committed.decision.limits).toMatchObject({ other: { used: 0 } });
  expect(await engine.commit({ customer: CUSTOMER, id: 'b', amount: CHARGED })).toEqual(again(committed));
  const none = { limits: {}, remaining: null, resetAtMs: null, version: committed.decision.version };
  const repeated = await engine.reserve({ ...hold, id: 'b' });
  expect(repeated.decision).toEqual({ ...again(held).decision, ...none });
  expect(repeated.expiresAtMs).toBe(held.expiresAtMs);
  await putLimits([]);
  expect((await engine.commit({ customer: CUSTOMER, id: 'b', amount: CHARGED })).decision).toMatchObject({
    limits: {},
    replayed: true,
  });
});
