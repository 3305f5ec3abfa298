import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startRedis } from '../loadtest/harness/services.js';
import { parseCatalog } from './catalog/document.js';
import { connectRedis, type RedisClient } from './catalog/redis.js';
import { CatalogRegistry } from './catalog/registry.js';
import { EVENT_AHEAD_MS_MAX } from './contract/constants.js';
import { type Denial, decodeEntry, type Fact } from './contract/fact.js';
import { createEngine, type WeirEngine } from './create.js';
import { reservationFingerprint } from './ids.js';
import { createRandom, type Random } from './oracle/random.js';
import { customerHolder, entityHolder, holderKey, holdsKey, outboxKey, shardName } from './store/keys.js';

/**
 * The compiled short ways (lua/include/compile.lua) against the long way, which a holder goes that a peek has opened in the
 * same call: the same answers, the same state in Redis, and the same facts.
 */
const AUTHOR = { owner: 'test', actor: 'test' };
const SEEDS = 8;
const STEPS = 240;
/** More than a function of Lua can take: these go the long way, whoever asks. */
const MANY = 9;

const month = { every: 'month' } as const;
const REFILL = { amount: 7, everyMs: 900 };
const bucket = (id: string, capacity: number) => ({
  id,
  kind: 'bucket',
  capacity,
  refill: REFILL,
});
const quota = (id: string, amount: number) => ({ id, kind: 'quota', amount, window: month, warnAt: [50, 100] });
const parallel = (slots: number) => ({ id: 'parallel', kind: 'concurrency', slots });
const minutely = { id: 'per-minute', kind: 'quota', amount: 60, window: { every: 'minute' } };
const limits: Record<string, readonly object[]> = {
  chat: [quota('monthly', 6_000), bucket('burst', 400)],
  tokens: [quota('daily', 3_000), bucket('pace', 200)],
  images: [bucket('rate', 90)],
  search: [
    quota('total', 900),
    { id: 'soft', kind: 'quota', amount: 500, overage: 'allow', window: { every: 'day' } },
    bucket('rate', 50),
  ],
  seats: [parallel(3), quota('hours', 4_000)],
  wide: Array.from({ length: MANY }, (_, index) => quota(`part-${index}`, 5_000 + index)),
};
/** Below each customer, the one above the other. */
const TEAM = {
  chat: [quota('team-month', 2_500)],
  search: [bucket('pool', 120)],
  seats: [parallel(2)],
  wide: [bucket('pool', 200)],
};
const USER = { chat: [bucket('pace', 150), quota('own', 1_800)], tokens: [quota('own', 1_500)] };
const featuresOf = (own: Readonly<Record<string, readonly object[]>>): Record<string, object> =>
  Object.fromEntries(Object.entries(own).map(([id, ownLimits]) => [id, { limits: ownLimits }]));
const entities = [
  { id: 'team', features: featuresOf(TEAM) },
  { id: 'user', parent: 'team', features: featuresOf(USER) },
];
const FEATURES = Object.keys(limits);
/** An event of a chat is charged to two features. */
const eventTypeOf = (feature: string): string => (feature === 'tokens' ? 'chat' : feature);
/** Each has a set of limits of its own every minute. */
const MINUTELY = Array.from({ length: 40 }, (_, index) => `calls-${index}`);
const MINUTES = 600;

let now = Date.parse('2026-11-29T08:00:00Z');
let service: Service;
let redis: RedisClient;
let engine: WeirEngine;

beforeAll(async () => {
  service = await startRedis();
  redis = connectRedis(service.url, { connectionName: 'test' });
  const registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  const customers = Array.from({ length: SEEDS }, (_, seed) => ['short', 'long'].map((way) => `${way}-${seed}`)).flat();
  const catalog = {
    meters: [...FEATURES, 'calls'].map((id) => ({
      id,
      eventType: eventTypeOf(id),
      aggregation: 'sum',
      value: '$.units',
    })),
    features: [
      ...FEATURES.map((id) => ({ id, kind: 'metered', meter: id })),
      ...MINUTELY.map((id) => ({ id, kind: 'metered', meter: 'calls' })),
    ],
    plans: [
      { id: 'plan', features: featuresOf(limits) },
      { id: 'minutely', features: Object.fromEntries(MINUTELY.map((id) => [id, { limits: [minutely] }])) },
    ],
    customers: [...customers.map((id) => ({ id, plan: 'plan', entities })), { id: 'busy', plan: 'minutely' }],
  };
  expect(await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).toMatchObject({ status: 'applied' });
  engine = await createEngine({ redis: service.url, storeTimeoutMs: 5_000, clockMs: () => now });
  await engine.checkMany(
    customers.map((customer) => ({ customer, feature: 'chat', amount: 1, dryRun: true })),
    false,
  );
});

afterAll(async () => {
  await engine.close();
  redis.disconnect();
  await service.stop();
});

const HEAD_BYTES = 18;
const ENTRY_BYTES = 9;
const NUMBERS_BYTES: Record<number, number> = { 1: 32, 2: 38, 3: 8 };

/** The state of its entities' limits, as hexadecimal digits, and when the sweep is to look at its holds. */
async function besideHolder(customer: string): Promise<(string | null | undefined)[]> {
  const keys = entities.map(({ id }) => holderKey(shardName(0), entityHolder(customer, id)));
  const states = (await redis.mgetBuffer(keys)).map((raw) => raw?.toString('hex'));
  return [...states, await redis.zscore(holdsKey(shardName(0)), customer)];
}

/** All of a holder up to its holds, as hexadecimal digits, and which of these holds stand there (lua/include/holder.lua). */
async function holderOf(customer: string, ids: readonly string[]): Promise<{ state: string; holds: string[] }> {
  const raw = (await redis.getBuffer(holderKey(shardName(0), customerHolder(customer)))) ?? Buffer.alloc(0);
  if (raw.length === 0) return { state: '', holds: [] };
  const directoryEnds = HEAD_BYTES + raw.readUInt16LE(16);
  let ends = directoryEnds;
  for (let at = HEAD_BYTES; at < directoryEnds; at += ENTRY_BYTES)
    ends += NUMBERS_BYTES[(raw[at] ?? 0) & 3] ?? Number.NaN;
  const tail = raw.subarray(ends);
  const stands = (id: string): boolean => tail.includes(Buffer.from(reservationFingerprint(customer, id), 'hex'));
  return { state: raw.toString('hex', 0, ends), holds: ids.filter(stands) };
}

/** The ledger's lines of a customer, but for its name. */
async function linesOf(customer: string): Promise<(Fact | Denial)[]> {
  const entries = await redis.xrangeBuffer(outboxKey(shardName(0)), '-', '+');
  return entries.flatMap(([, [, bytes = Buffer.alloc(0)]]) => {
    const { facts, denials } = decodeEntry(bytes);
    return [...facts, ...denials]
      .filter((line) => line.customer === customer)
      .map((line) => ({ ...line, customer: '' }));
  });
}

interface Step {
  readonly kind: 'check' | 'once' | 'reserve' | 'commit' | 'release' | 'record';
  readonly feature: string;
  readonly amount: number;
  readonly id: string;
  readonly ttlMs: number;
  readonly entity?: string | undefined;
  /** Of an event. */
  readonly happenedAtMs?: number | undefined;
}

function ask(customer: string, { kind, feature, amount, id, ttlMs, entity, happenedAtMs }: Step): Promise<unknown> {
  switch (kind) {
    case 'check':
      return engine.check({ customer, feature, amount, entity, dryRun: false });
    case 'once':
      return engine.check({ customer, feature, amount, entity, dryRun: false, id });
    case 'reserve':
      return engine.reserve({ customer, feature, amount, id, ttlMs, entity });
    case 'commit':
      return engine.commit({ customer, id, amount });
    case 'release':
      return engine.release({ customer, id });
    case 'record':
      return engine.record([
        { customer, entity, source: 'test', id, type: eventTypeOf(feature), data: { units: amount }, happenedAtMs },
      ]);
  }
}

const take = (customer: string, step: Step): Promise<unknown> =>
  ask(customer, step).catch((error: unknown) => String(error));

const DAY_MS = 86_400_000;

/** Most of what is reported has just happened; some comes late, or by a clock that is ahead. */
function happenedAtMs(random: Random, amount: number): number | undefined {
  if (random.chance(0.3)) return undefined;
  // Just as long ago as a bucket takes to refill it.
  if (random.chance(0.4)) return now - Math.ceil((amount * REFILL.everyMs) / REFILL.amount);
  if (random.chance(0.6)) return now - random.int(0, 10_000);
  return random.chance(0.5) ? now - random.int(0, 70 * DAY_MS) : now + random.int(0, 2 * EVENT_AHEAD_MS_MAX);
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  'answer and write what the long way does (seed %i)',
  async (seed) => {
    const random = createRandom(seed);
    const open: Step[] = [];
    const settled: Step[] = [];
    const ids: string[] = [];
    const expiries: number[] = [];
    const known: Step[] = [];
    const kinds = new Set<string>();
    for (let step = 0; step < STEPS; step++) {
      now += random.chance(0.1) ? random.int(0, 40_000_000) : random.int(0, 400);
      // The instant at which a hold is over belongs to who comes after it.
      const due = expiries.filter((expiresAtMs) => expiresAtMs > now);
      if (due.length > 0 && random.chance(0.1)) now = Math.min(...due);
      const kind = random.pick(['check', 'once', 'reserve', 'record'] as const);
      const amount = random.chance(0.3) ? random.int(0, 8) * REFILL.amount : random.int(0, 60);
      const fresh: Step = {
        kind,
        feature: random.pick(FEATURES),
        amount,
        id: `${kind}-${step}`,
        ttlMs: random.chance(0.25) ? random.int(1_000, 3_000) : 3_600_000,
        entity: random.pick([undefined, undefined, 'team', 'user']),
        happenedAtMs: kind === 'record' ? happenedAtMs(random, amount) : undefined,
      };
      if (kind === 'record' || kind === 'once') known.push(fresh);
      const held =
        open.length > 0 && random.chance(0.35) ? open.splice(random.int(0, open.length - 1), 1)[0] : undefined;
      const again = known.length > 0 && random.chance(0.05) ? random.pick(known) : fresh;
      const settlement = random.pick(['commit', 'commit', 'release'] as const);
      const next: Step = held === undefined ? again : { ...held, kind: settlement, amount: random.int(0, 70) };
      const short = await take(`short-${seed}`, next);
      const customer = `long-${seed}`;
      const [, long] = await Promise.all([
        engine.check({ customer, feature: next.feature, amount: 0, entity: next.entity, dryRun: true }),
        take(customer, next),
      ]);
      expect(long, `step ${step}: ${JSON.stringify(next)}`).toEqual(short);
      if (held !== undefined) settled.push(next, { ...next, kind: 'reserve', amount: held.amount });
      if (next.kind === 'reserve') {
        open.push(next);
        expiries.push(now + next.ttlMs);
        ids.push(next.id);
      }
      kinds.add(`${next.kind} ${next.feature}`);
      const [written, expected] = [await holderOf(`short-${seed}`, ids), await holderOf(customer, ids)];
      expect(written, `step ${step}: ${JSON.stringify(next)}`).toEqual(expected);
      expect(await besideHolder(`short-${seed}`)).toEqual(await besideHolder(customer));
    }
    // What was remembered is repeated, however it was decided.
    for (const step of [...settled, ...known]) {
      const [short, long] = [await take(`short-${seed}`, step), await take(`long-${seed}`, step)];
      expect(short, JSON.stringify(step)).toEqual(long);
    }
    expect(await linesOf(`short-${seed}`)).toEqual(await linesOf(`long-${seed}`));
    expect(kinds.size).toBeGreaterThan(5 * FEATURES.length);
  },
);

/** Bytes of what Redis's functions keep between calls. */
async function bytesKept(): Promise<number> {
  return Number(/used_memory_vm_functions:(\d+)/.exec(await redis.info('memory'))?.[1]);
}

test('what is kept of sets and their ways is bounded, however many windows go by', async () => {
  const requests = MINUTELY.map((feature) => ({ customer: 'busy', feature, amount: 1, dryRun: false }));
  const kept: number[] = [];
  for (let minute = 0; minute < MINUTES; minute++) {
    now += 60_000;
    // The first turns the windows, which is long; the second is what compiles.
    for (const outcomes of [await engine.checkMany(requests, false), await engine.checkMany(requests, false)]) {
      expect(outcomes.every((outcome) => outcome.status === 'decided' && outcome.decision.allowed)).toBe(true);
    }
    kept.push(await bytesKept());
  }
  const peakOf = (from: number, to: number): number => Math.max(...kept.slice(from * MINUTES, to * MINUTES));
  expect(peakOf(0.5, 1)).toBeLessThan(1.4 * peakOf(0, 0.5));
});
