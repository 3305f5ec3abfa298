import { expect, test } from 'vitest';
import { StoreClock } from './store-clock.js';

test('a clock that is wrong at the start is put right by the first reply', () => {
  let steadyMs = 7;
  const clock = new StoreClock(
    () => 5_000_000 + steadyMs,
    () => steadyMs,
  );
  expect(clock.nowMs()).toBe(5_000_007);
  clock.heard(1_000_000);
  expect(clock.nowMs()).toBe(1_000_000);
  expect(clock.aheadMs).toBe(4_000_007);
  steadyMs += 10.5;
  expect(clock.nowMs()).toBe(1_000_010);
});

test('a clock that is set moves nothing, and is told to be wrong', () => {
  let ownMs = 5_000_000;
  const clock = new StoreClock(
    () => ownMs,
    () => 100,
  );
  clock.heard(5_000_000);
  ownMs += 86_400_000;
  expect(clock.nowMs()).toBe(5_000_000);
  clock.heard(5_000_020);
  expect(clock.nowMs()).toBe(5_000_000);
  expect(clock.aheadMs).toBe(86_399_980);
  ownMs = 5_000_030;
  clock.heard(5_000_030);
  expect(clock.aheadMs).toBe(0);
});

test('a clock of Redis that is set is followed', () => {
  const clock = new StoreClock(
    () => 5_000_000,
    () => 0,
  );
  clock.heard(9_000_000);
  clock.heard(2_000_000);
  expect(clock.nowMs()).toBe(2_000_000);
});

test('what a reply takes on its way does not move it', () => {
  const clock = new StoreClock(
    () => 5_000_000,
    () => 0,
  );
  clock.heard(4_999_001);
  expect(clock.nowMs()).toBe(5_000_000);
});
