import { expect, it } from 'vitest';
import { Remembered } from './remembered.js';

it('many who ask at once, and within its age, cost one piece of work', async () => {
  let [worked, nowMs] = [0, 0];
  const remembered = new Remembered(
    async () => ++worked,
    100,
    () => nowMs,
  );
  expect(await Promise.all([remembered.get(), remembered.get(), remembered.get()])).toEqual([1, 1, 1]);
  nowMs = 100;
  expect(await remembered.get()).toBe(1);
  nowMs = 101;
  expect(await remembered.get()).toBe(2);
});

it('the latest never waits: nothing at first, then what was known before', async () => {
  let [worked, nowMs] = [0, 0];
  const remembered = new Remembered(
    async () => ++worked,
    100,
    () => nowMs,
  );
  expect(await remembered.latest()).toBeNull();
  expect(await remembered.get()).toBe(1);
  nowMs = 500;
  expect(await remembered.latest()).toBe(1);
  expect(await remembered.get()).toBe(2);
});

it('a failure is told to those who wait, and tried again by the next', async () => {
  let worked = 0;
  const remembered = new Remembered(async () => {
    worked += 1;
    if (worked === 1) throw new Error('away');
    return worked;
  }, 100);
  expect(await remembered.latest()).toBeNull();
  await expect(remembered.get()).rejects.toThrow('away');
  expect(await remembered.get()).toBe(2);
});
