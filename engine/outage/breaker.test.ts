import { expect, test } from 'vitest';
import { waitFor } from '../../loadtest/harness/wait-for.js';
import { WeirError } from '../contract/errors.js';
import { Breaker, newBreakerCounters } from './breaker.js';

/** A probe whose answers the test gives. */
function setUp(suspectMs = 5) {
  const counters = newBreakerCounters();
  const asked: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const breaker = new Breaker({
    probe: () => new Promise((resolve, reject) => asked.push({ resolve, reject })),
    counters,
    suspectMs,
  });
  const told: boolean[] = [];
  breaker.onChange((isOpen) => told.push(isOpen));
  const next = (count: number) => waitFor(() => asked[count - 1], { timeoutMs: 5_000, what: `probe ${count}` });
  return { breaker, counters, told, next, asked };
}

test('it opens, probes one at a time until one is answered, and closes', async () => {
  const { breaker, counters, told, next, asked } = setUp();
  breaker.trip('store_unavailable');
  expect(breaker.state).toBe('half_open');
  for (let count = 1; count <= 3; count++) {
    const probe = await next(count);
    breaker.signOfLife();
    breaker.signOfLife();
    expect(asked).toHaveLength(count);
    probe.reject(new Error('still away'));
  }
  expect(breaker.isOpen).toBe(true);
  expect(breaker.refusal()).toMatchObject({ code: 'store_unavailable' });
  (await next(4)).resolve();
  await waitFor(() => !breaker.isOpen, { timeoutMs: 5_000, what: 'the breaker to close' });
  expect(counters).toEqual({ opened: 1, refused: 1, probes: 4, probesFailed: 3 });
  expect(told).toEqual([true, false]);
});

test('it refuses with what the last probe found', async () => {
  const { breaker, next } = setUp();
  breaker.trip('store_unavailable');
  (await next(1)).reject(new WeirError('uninitialised'));
  await waitFor(() => breaker.state === 'open', { timeoutMs: 5_000, what: 'the probe to fail' });
  expect(breaker.refusal()).toMatchObject({ code: 'uninitialised' });
  breaker.stop();
});

test('a read that is slow lets a probe look, and is given up when the probe says nothing either', async () => {
  const { breaker, counters, next } = setUp();
  const read = breaker.guard(() => new Promise(() => undefined));
  await next(1);
  await expect(read).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(breaker.isOpen).toBe(true);
  await expect(breaker.guard(async () => 1)).rejects.toMatchObject({ code: 'store_unavailable' });
  (await next(1)).resolve();
  await waitFor(() => !breaker.isOpen, { timeoutMs: 5_000, what: 'the breaker to close' });
  expect(counters).toMatchObject({ opened: 1, probes: 1, probesFailed: 0 });
});

test('a read that is slow is waited for while probes are answered', async () => {
  const counters = newBreakerCounters();
  const breaker = new Breaker({ probe: async () => undefined, counters, suspectMs: 2 });
  let answer: (value: number) => void = () => undefined;
  const read = breaker.guard(
    () =>
      new Promise<number>((resolve) => {
        answer = resolve;
      }),
  );
  await waitFor(() => counters.probes >= 3, { timeoutMs: 5_000, what: 'three probes' });
  answer(7);
  expect(await read).toBe(7);
  expect(counters).toMatchObject({ opened: 0, probesFailed: 0 });
});
