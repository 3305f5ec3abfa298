import { expectedOver, outlookOf } from './model.js';
import { historyAt } from './series.js';

/** One month that is held out: what was expected of its end part of the way through, and what it came to. */
export interface Trial {
  readonly actual: number;
  readonly expected: number;
  readonly low: number;
  readonly high: number;
  /** Used so far, by the share of the window that is over: what a spreadsheet would say. */
  readonly straight: number;
}

/**
 * Asks the method as of `asOfHours` into a window, knowing nothing that came later.
 * @param hourly use by hour, oldest first.
 * @param startHour of the window in it.
 */
export function tryMonth(hourly: readonly number[], startHour: number, hours: number, asOfHours: number): Trial {
  const at = startHour + asOfHours;
  const used = sum(hourly.slice(startHour, at));
  const left = hours - asOfHours;
  const outlook = outlookOf(historyAt(hourly, at));
  const more = expectedOver(outlook, left * 3_600_000);
  const { low, high } = outlook.interval(left);
  return {
    actual: sum(hourly.slice(startHour, startHour + hours)),
    expected: used + more,
    low: used + more * low,
    high: used + more * high,
    straight: (used / asOfHours) * hours,
  };
}

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
