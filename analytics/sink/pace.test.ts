import { expect, test } from 'vitest';
import { roundMsAfter } from './pace.js';

/** Outbox, relay and JetStream, on a machine that is busy. */
const WAY_MS = 250;

test('a fact is visible within 2 s as long as inserts take up to 0.8 s', () => {
  for (const insertMs of [0, 20, 100, 250, 500, 800]) {
    // It just missed a round: it waits for that one to end, or for the next to be due, and for its own insert.
    const visibleMs = WAY_MS + Math.max(roundMsAfter(insertMs), insertMs) + insertMs;
    expect(visibleMs, `inserts of ${insertMs} ms`).toBeLessThanOrEqual(2_000);
  }
});

test('inserts take at most a third of the time, until that would keep facts waiting', () => {
  for (const insertMs of [1, 50, 133, 200]) expect(roundMsAfter(insertMs) / insertMs).toBeGreaterThanOrEqual(3);
});
