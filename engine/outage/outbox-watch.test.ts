import { expect, test } from 'vitest';
import { OutboxGauge } from './outbox-watch.js';

const ENTRY_BYTES = 500;

/** Sees an outbox grow to a length by steps. @returns how often its bytes were measured. */
function grow(gauge: OutboxGauge, from: number, to: number, step: number, boundBytes: number): number {
  let measured = 0;
  for (let length = from; length <= to; length += step) {
    if (!gauge.see(length, gauge.bytes / boundBytes)) continue;
    gauge.measured(length * ENTRY_BYTES);
    measured++;
  }
  return measured;
}

test('a growing outbox is measured seldom, and its bytes are known at every length', () => {
  const gauge = new OutboxGauge();
  expect(grow(gauge, 1, 100_000, 100, Number.MAX_SAFE_INTEGER)).toBeLessThan(50);
  expect(gauge.bytes / (99_901 * ENTRY_BYTES)).toBeCloseTo(1, 2);
});

test('near its bound it is measured often, so that longer entries are noticed in time', () => {
  const gauge = new OutboxGauge();
  const bound = 100_000 * ENTRY_BYTES;
  grow(gauge, 1, 60_000, 100, bound);
  const often = grow(gauge, 60_100, 100_000, 100, bound);
  expect(often).toBeGreaterThan(15);
  expect(often).toBeLessThan(60);
  // Entries become ten times as long.
  let bytes = gauge.bytes;
  let length = 100_000;
  for (; length < 103_000; length += 100) {
    bytes += 100 * ENTRY_BYTES * 10;
    if (gauge.see(length, gauge.bytes / bound)) gauge.measured(bytes);
  }
  expect(gauge.bytes / bytes).toBeGreaterThan(0.85);
});

test('an outbox that is emptied is seen to be empty', () => {
  const gauge = new OutboxGauge();
  grow(gauge, 1, 10_000, 100, Number.MAX_SAFE_INTEGER);
  gauge.see(5_000, 0);
  expect(gauge.bytes).toBeLessThan(5_100 * ENTRY_BYTES);
  if (gauge.see(0, 0)) gauge.measured(0);
  expect(gauge.bytes).toBe(0);
});
