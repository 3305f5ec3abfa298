import { expect, test } from 'vitest';
import { expectedOver, outlookOf, reachedAfterMs, WEEK_HOURS } from './model.js';
import { historyAt } from './series.js';
import { tryMonth } from './trial.js';

const HOUR_MS = 3_600_000;
const WEEK_MS = WEEK_HOURS * HOUR_MS;

/** Hours of office work: 10 an hour from 8 to 18 on five days of seven. */
const office = (hour: number): number => {
  const [day, time] = [Math.floor(hour / 24) % 7, hour % 24];
  return day < 5 && time >= 8 && time < 18 ? 10 : 0;
};
const series = (hours: number, at: (hour: number) => number): number[] =>
  Array.from({ length: hours }, (_, h) => at(h));

/** Mulberry32: the same numbers for the same seed. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('a week that repeats is foretold hour by hour, from any hour of it', () => {
  const hourly = series(10 * WEEK_HOURS, office);
  for (const at of [9 * WEEK_HOURS - 50, 8 * WEEK_HOURS, 8 * WEEK_HOURS + 9]) {
    const outlook = outlookOf(historyAt(hourly, at));
    for (let ahead = 0; ahead < WEEK_HOURS; ahead++) expect(outlook.hours[ahead]).toBeCloseTo(office(at + ahead), 6);
    expect(expectedOver(outlook, 3.5 * WEEK_MS)).toBeGreaterThan(1_500);
    expect(outlook.interval(WEEK_HOURS)).toEqual({ low: 1, high: 1 });
  }
});

test('a weekend ahead brings less than a working day', () => {
  // Friday evening.
  const outlook = outlookOf(historyAt(series(4 * WEEK_HOURS + 5 * 24, office), 4 * WEEK_HOURS + 5 * 24));
  expect(expectedOver(outlook, 48 * HOUR_MS)).toBeCloseTo(0, 6);
  expect(expectedOver(outlook, 72 * HOUR_MS)).toBeCloseTo(100, 6);
});

test('use that doubled last week is believed in part', () => {
  const at = 8 * WEEK_HOURS;
  const outlook = outlookOf(
    historyAt(
      series(at, (hour) => office(hour) * (hour >= at - WEEK_HOURS ? 2 : 1)),
      at,
    ),
  );
  expect(outlook.week).toBeGreaterThan(500 * 1.3);
  expect(outlook.week).toBeLessThan(500 * 2);
});

test('a limit is reached in the hour that brings it, and not after the window', () => {
  const at = 4 * WEEK_HOURS;
  const outlook = outlookOf(historyAt(series(at, office), at));
  // Ten hours of ten from Monday 8:00 on: 100 are used when Monday's work is over, 105 half an hour into Tuesday's.
  expect(reachedAfterMs(outlook, 100, 1, WEEK_MS)).toBeCloseTo(18 * HOUR_MS, -2);
  expect(reachedAfterMs(outlook, 105, 1, WEEK_MS)).toBeCloseTo((24 + 8.5) * HOUR_MS, -2);
  expect(reachedAfterMs(outlook, 105, 2, WEEK_MS)).toBeCloseTo((8 + 5.25) * HOUR_MS, -2);
  expect(reachedAfterMs(outlook, 105, 1, 32 * HOUR_MS)).toBeUndefined();
  expect(reachedAfterMs(outlook, 5_250, 1, 30 * WEEK_MS)).toBeCloseTo(10 * WEEK_MS + 3 * 24 * HOUR_MS - 10.5e6, -8);
  expect(reachedAfterMs(outlook, 0, 1, WEEK_MS)).toBe(0);
});

test('without use nothing is expected, and nothing is reached', () => {
  const outlook = outlookOf(
    historyAt(
      series(WEEK_HOURS, () => 0),
      WEEK_HOURS,
    ),
  );
  expect(expectedOver(outlook, WEEK_MS)).toBe(0);
  expect(reachedAfterMs(outlook, 1, 1, WEEK_MS)).toBeUndefined();
});

test('two days of history give a whole week, with a wide interval', () => {
  const outlook = outlookOf(
    historyAt(
      series(48, () => 5),
      48,
    ),
  );
  expect(outlook.week).toBeCloseTo(5 * WEEK_HOURS, 6);
  expect(outlook.interval(WEEK_HOURS)).toEqual({ low: 0.5, high: 2 });
});

test('on held-out months of noisy weekly use it errs less than the straight line, and the interval holds its share', () => {
  const errors = { method: 0, straight: 0, held: 0, trials: 0 };
  for (let seed = 1; seed <= 60; seed++) {
    const random = dice(seed);
    let level = 1;
    const hourly = series(24 * 7 * 16, (hour) => {
      if (hour % 24 === 0) level *= Math.exp((random() - 0.5) * 0.12);
      return Math.round(office(hour) * level * (0.3 + 1.4 * random()) * 10);
    });
    for (const asOfDays of [5, 10, 20]) {
      const trial = tryMonth(hourly, 24 * 7 * 11, 24 * 30, asOfDays * 24);
      errors.method += Math.abs(trial.expected - trial.actual) / trial.actual;
      errors.straight += Math.abs(trial.straight - trial.actual) / trial.actual;
      errors.held += trial.low <= trial.actual && trial.actual <= trial.high ? 1 : 0;
      errors.trials += 1;
    }
  }
  expect(errors.method).toBeLessThan(errors.straight);
  expect(errors.held / errors.trials).toBeGreaterThan(0.7);
  expect(errors.held / errors.trials).toBeLessThan(0.95);
});
