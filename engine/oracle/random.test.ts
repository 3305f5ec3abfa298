import { expect, test } from 'vitest';
import { createRandom } from './random.js';

test('the same seed gives the same history, another seed another one', () => {
  const draw = (seed: number): number[] => {
    const random = createRandom(seed);
    return Array.from({ length: 20 }, () => random.int(0, 1_000_000));
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test('whole numbers reach both ends of their range, wide ones stay safe', () => {
  const random = createRandom(1);
  const seen = new Set(Array.from({ length: 200 }, () => random.int(3, 6)));
  expect([...seen].sort()).toEqual([3, 4, 5, 6]);
  const wide = Array.from({ length: 200 }, () => random.int(0, Number.MAX_SAFE_INTEGER - 1));
  expect(wide.every(Number.isSafeInteger)).toBe(true);
  expect(wide.some((value) => value > 2 ** 52) && wide.some((value) => value % 2 === 1)).toBe(true);
});

test('picks and shuffles give every item its turn', () => {
  const random = createRandom(2);
  const items = ['a', 'b', 'c'];
  expect(new Set(Array.from({ length: 100 }, () => random.pick(items))).size).toBe(3);
  expect(new Set(Array.from({ length: 200 }, () => random.shuffle(items).join(''))).size).toBe(6);
  expect(() => random.pick([])).toThrow(RangeError);
});

test('a Zipf draw gives rank 0 twice the weight of rank 1, and the rest its share', () => {
  const random = createRandom(3);
  const counts = new Map<number, number>();
  for (let draw = 0; draw < 20_000; draw++) {
    const rank = random.zipf(100);
    counts.set(rank, (counts.get(rank) ?? 0) + 1);
  }
  const [first = 0, second = 0] = [counts.get(0), counts.get(1)];
  expect(first / second).toBeGreaterThan(1.8);
  expect(first / second).toBeLessThan(2.2);
  expect(Math.max(...counts.keys())).toBeLessThan(100);
});

test('a fork draws on its own', () => {
  const [one, two] = [createRandom(4), createRandom(4)];
  const fork = one.fork();
  two.fork();
  fork.next();
  expect(one.next()).toBe(two.next());
});
