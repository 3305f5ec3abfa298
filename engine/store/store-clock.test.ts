import { expect, test } from 'vitest';
import { StoreClock } from './store-clock.js';

test('a clock that is wrong is put right by the first reply, and again when it is set', () => {
  let ownMs = 5_000_000;
  const clock = new StoreClock(() => ownMs);
  expect(clock.nowMs()).toBe(5_000_000);
  clock.heard(1_000_000);
  expect(clock.nowMs()).toBe(1_000_000);
  ownMs += 10;
  expect(clock.nowMs()).toBe(1_000_010);
  ownMs = 1_000_020;
  clock.heard(1_000_020);
  expect(clock.nowMs()).toBe(1_000_020);
  expect(clock.aheadMs).toBe(0);
});

test('what a reply takes on its way does not move it', () => {
  const clock = new StoreClock(() => 5_000_000);
  clock.heard(4_999_001);
  expect(clock.nowMs()).toBe(5_000_000);
});
