import { expect, test } from 'vitest';
import { insertRowsAfter, roundMsAfter } from './pace.js';

/** Outbox, relay and JetStream, on a machine that is busy. */
const WAY_MS = 250;

test('a fact is visible within 2 s as long as inserts take up to 0.8 s', () => {
  for (const insertMs of [0, 20, 100, 250, 500, 800]) {
    // It just missed a round: it waits for that one to end, or for the next to be due, and for its own insert.
    const roundMs = Math.max(roundMsAfter(insertMs, 1), roundMsAfter(insertMs, 50_000));
    const visibleMs = WAY_MS + Math.max(roundMs, insertMs) + insertMs;
    expect(visibleMs, `inserts of ${insertMs} ms`).toBeLessThanOrEqual(2_000);
  }
});

test('inserts take at most a third of the time, until that would keep facts waiting', () => {
  for (const insertMs of [1, 50, 133, 200]) expect(roundMsAfter(insertMs, 1) / insertMs).toBeGreaterThanOrEqual(3);
});

test('under load rounds come as seldom as they may, however fast inserts are', () => {
  expect(roundMsAfter(20, 999)).toBe(400);
  expect(roundMsAfter(20, 1_000)).toBe(900);
});

test('a round gathers what goes in within 0.4 s, within its bounds', () => {
  expect(insertRowsAfter(200, 50_000)).toBe(100_000);
  expect(insertRowsAfter(50, 50_000)).toBe(200_000);
  expect(insertRowsAfter(2_000, 100_000)).toBe(50_000);
  expect(insertRowsAfter(1, 10)).toBe(50_000);
});
