import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { BucketLimit, QuotaLimit } from '../contract/catalog.js';
import { AMOUNT_MAX } from '../contract/constants.js';
import { Model } from './model.js';
import { createRandom, type Random } from './random.js';
import { compare, loadVectors, type Step, type Vector, type VectorLimit } from './vectors.js';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const VECTORS = fileURLToPath(new URL('./vectors', import.meta.url));
const NOON_MS = Date.parse('2026-01-15T12:00:00Z');

const bucket = (capacity: number, amount: number, everyMs: number, id = 'b'): BucketLimit => ({
  id,
  kind: 'bucket',
  capacity,
  refill: { amount, everyMs },
});
const quota = (amount: number, rest: Partial<QuotaLimit> = {}): QuotaLimit => ({
  id: 'q',
  kind: 'quota',
  amount,
  window: { every: 'day' },
  ...rest,
});
const check = (amount: number, id?: string): Step => ({ op: 'check', amount, ...(id === undefined ? {} : { id }) });
const record = (amount: number, id?: string): Step => ({ op: 'record', amount, ...(id === undefined ? {} : { id }) });
const peek: Step = { op: 'peek', amount: 0 };
const reserve = (reservation: string, amount: number, ttlMs = 1000): Step => ({
  op: 'reserve',
  reservation,
  amount,
  ttlMs,
});
const commit = (reservation: string, amount: number): Step => ({ op: 'commit', reservation, amount });
const setLimits = (...limits: VectorLimit[]): Step => ({ op: 'setLimits', limits });

/** The first difference between the model's answers and the vector's, or null. */
function run(vector: Vector): string | null {
  const model = new Model(vector.limits);
  const startMs = Date.parse(vector.start);
  for (const [index, { at, expect: expected, ...step }] of vector.steps.entries()) {
    const difference = compare(expected, model.apply(step, startMs + at));
    if (difference !== null) return `${vector.name} step ${index}: ${difference}`;
  }
  return null;
}

test('the model answers every conformance vector', () => {
  const vectors = loadVectors([VECTORS]);
  expect(vectors).toHaveLength(259);
  expect(vectors.flatMap((vector) => run(vector) ?? [])).toEqual([]);
}, 60_000);

describe('rules that no vector holds', () => {
  test('a clock a minute behind counts as the latest; further behind it brings nothing and refills from there', () => {
    const model = new Model([bucket(10, 1, 1000), quota(100, { window: { every: 'minute' } })]);
    model.apply(check(10), NOON_MS);
    expect(model.apply(check(1), NOON_MS - 60_000)).toMatchObject({ deniedBy: ['b'], retryAfterMs: 1000 });
    expect(model.apply(record(1), NOON_MS - 60_001)).toMatchObject({
      limits: { b: { remaining: 0 }, q: { used: 11, resetAt: '2026-01-15T12:01:00.000Z' } },
    });
    expect(model.apply(peek, NOON_MS - 58_001)).toMatchObject({ limits: { b: { remaining: 1 }, q: { used: 11 } } });
  });

  test('only an operation that wrote moves the latest time', () => {
    const model = new Model([bucket(10, 1, 1000)]);
    model.apply(check(10), NOON_MS);
    model.apply(check(10), NOON_MS + 5000);
    model.apply(peek, NOON_MS + 5000);
    expect(model.apply(peek, NOON_MS + 1000)).toMatchObject({ limits: { b: { remaining: 1 } } });
  });

  test('a charge past 2^53 − 1 is refused whole, and its id is free', () => {
    const model = new Model([bucket(1, 1, 1), quota(AMOUNT_MAX, { overage: 'allow' })]);
    model.apply(record(AMOUNT_MAX), NOON_MS);
    expect(model.apply(record(1, 'i'), NOON_MS)).toEqual({ error: 'amount_out_of_range' });
    expect(model.apply(peek, NOON_MS)).toMatchObject({ limits: { q: { used: AMOUNT_MAX, overage: 0 } } });
    expect(model.apply(record(0, 'i'), NOON_MS)).not.toHaveProperty('error');
    const debt = new Model([bucket(0, 1, 1)]);
    debt.apply(record(AMOUNT_MAX), NOON_MS);
    expect(debt.apply(record(1), NOON_MS)).toEqual({ error: 'amount_out_of_range' });
  });

  test('an operation undoes the 64 oldest expired holds, the next one the rest', () => {
    const model = new Model([quota(100)]);
    for (let hold = 0; hold < 70; hold++) model.apply(reserve(`r${hold}`, 1, 1 + hold), NOON_MS);
    expect(model.apply(record(0), NOON_MS + 100)).toMatchObject({ limits: { q: { reserved: 6 } } });
    expect(model.apply(record(0), NOON_MS + 100)).toMatchObject({ limits: { q: { reserved: 0 } } });
  });

  test('a record charges a shadow limit too, past its cap, and reports no shadow denial', () => {
    const model = new Model([quota(1, { shadow: true })]);
    const answer = model.apply(record(5), NOON_MS);
    expect(answer).toMatchObject({ limits: { q: { used: 5 } } });
    expect(answer).not.toHaveProperty('shadowDeniedBy');
  });

  test('a hold touches only the limits it was held on, though one has its id', () => {
    const model = new Model([quota(10), bucket(10, 1, 1_000_000)]);
    model.apply(reserve('r', 4, 60_000), NOON_MS);
    model.apply(setLimits(quota(10, { window: { every: 'hour' } }), bucket(10, 1, 1_000_000)), NOON_MS);
    model.apply(record(1), NOON_MS);
    expect(model.apply(commit('r', 3), NOON_MS)).toMatchObject({
      limits: { q: { used: 1, reserved: 0 }, b: { remaining: 6 } },
    });
  });

  test('a threshold is armed again by a higher allowance even where the next charge reaches it at once', () => {
    const model = new Model([quota(100, { warnAt: [80] })]);
    expect(model.apply(check(85), NOON_MS)).toMatchObject({ crossed: [{ limit: 'q', threshold: 80 }] });
    model.apply(setLimits(quota(200, { warnAt: [80] })), NOON_MS);
    expect(model.apply(check(75), NOON_MS)).toMatchObject({ crossed: [{ limit: 'q', threshold: 80 }] });
  });

  test('a crossing made by a lower allowance is found by the next charge', () => {
    const model = new Model([quota(100, { warnAt: [80] })]);
    model.apply(check(50), NOON_MS);
    model.apply(setLimits(quota(60, { warnAt: [80] })), NOON_MS);
    expect(model.apply(peek, NOON_MS)).not.toHaveProperty('crossed');
    expect(model.apply(check(0), NOON_MS)).toMatchObject({ crossed: [{ limit: 'q', threshold: 80 }] });
  });

  test('limits that come back under their id find the state they left, holds given back since included', () => {
    const model = new Model([quota(10)]);
    model.apply(reserve('r', 4, 1000), NOON_MS);
    model.apply(setLimits(), NOON_MS);
    expect(model.apply(check(1), NOON_MS + 1000)).toEqual({ allowed: true, limits: {} });
    model.apply(setLimits(quota(10)), NOON_MS + 1000);
    expect(model.apply(peek, NOON_MS + 1000)).toMatchObject({ limits: { q: { used: 0, reserved: 0 } } });
  });
});

describe(`random histories (SEED=${SEED})`, () => {
  const randomLimits = (random: Random): VectorLimit[] => [
    bucket(random.int(1, 50), random.int(1, 20), random.int(1, 5_000)),
    quota(random.int(1, 300), { window: { every: random.pick(['minute', 'hour']) } }),
  ];

  test('retryAfterMs is the least wait after which the amount is admitted', () => {
    const random = createRandom(SEED);
    for (let round = 0; round < 60; round++) {
      const model = new Model(randomLimits(random));
      let nowMs = NOON_MS;
      for (let index = 0; index < 20; index++) {
        nowMs += random.int(0, 3_000);
        const amount = random.int(0, 40);
        const answer = model.apply(random.chance(0.2) ? record(amount) : check(amount), nowMs);
        const waitMs = answer.retryAfterMs;
        if (typeof waitMs !== 'number') continue;
        const about = `SEED=${SEED} round ${round} step ${index}: ${amount} after ${waitMs} ms`;
        expect(model.apply({ op: 'peek', amount }, nowMs + waitMs).allowed, about).toBe(true);
        expect(model.apply({ op: 'peek', amount }, nowMs + waitMs - 1).allowed, about).toBe(false);
      }
    }
  });

  test('used and reserved never pass the cap by checks and holds, and no balance goes below zero', () => {
    const random = createRandom(SEED + 1);
    for (let round = 0; round < 40; round++) {
      const limits = randomLimits(random);
      const model = new Model(limits);
      const cap = limits[1]?.kind === 'quota' ? limits[1].amount : 0;
      let nowMs = NOON_MS;
      for (let index = 0; index < 40; index++) {
        nowMs += random.int(0, 2_000);
        const name = `r${random.int(0, 9)}`;
        const amount = random.int(0, 30);
        const operation = random.int(0, 3);
        const step: Step =
          operation === 0
            ? check(amount, `i${random.int(0, 9)}`)
            : operation === 1
              ? reserve(name, amount, random.int(1, 4_000))
              : operation === 2
                ? { op: 'release', reservation: name }
                : peek;
        const { q, b } = model.apply(step, nowMs).limits ?? {};
        if (q === undefined) continue;
        const about = `SEED=${SEED} round ${round} step ${index}`;
        expect((q.used ?? 0) + (q.reserved ?? 0), about).toBeLessThanOrEqual(cap);
        expect(Math.min(q.used ?? -1, q.reserved ?? -1, b?.remaining ?? -1), about).toBeGreaterThanOrEqual(0);
      }
    }
  });
});
