import { USAGE_PERIODS_MAX, WeirError } from '../../engine/index.js';
import { type Every, windowAt } from '../../engine/limits/window.js';

/** Half-open [startMs, endMs), milliseconds since 1970. */
export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

export type Granularity = 'hour' | 'day' | 'month';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const QUARTER_MS = 15 * 60_000;
/** Zones reach from UTC−12 to UTC+14. */
export const ZONE_MARGIN_MS = 14 * HOUR_MS;

const plain = (every: Every, timezone: string) => ({ every, anchorMs: null, timezone });

const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/;

/** `2026-11` as the calendar month in a time zone. @throws WeirError `invalid_period` */
export function monthPeriod(text: string, timezone = 'UTC'): Period {
  const match = MONTH.exec(text);
  if (match === null) {
    throw new WeirError('invalid_period', `${JSON.stringify(text.slice(0, 20))} is no month such as 2026-11`, {
      field: 'period',
    });
  }
  return windowAt(plain('month', timezone), Date.UTC(Number(match[1]), Number(match[2]) - 1, 15));
}

/**
 * The periods of [fromMs, toMs) in a time zone, in order; the first and last are cut at its ends.
 * Hours are local ones: in a zone at :30 they begin at :30 UTC.
 * @throws WeirError `invalid_period` for an empty range or more than USAGE_PERIODS_MAX periods.
 */
export function periodsBetween(fromMs: number, toMs: number, granularity: Granularity, timezone: string): Period[] {
  if (!(fromMs < toMs)) throw new WeirError('invalid_period', '"from" must be before "to"', { field: 'from' });
  const periods: Period[] = [];
  for (let startMs = fromMs; startMs < toMs; ) {
    if (periods.length === USAGE_PERIODS_MAX) {
      throw new WeirError('invalid_period', `more than ${USAGE_PERIODS_MAX} periods`, { field: 'granularity' });
    }
    const endMs = Math.min(endOfPeriod(startMs, granularity, timezone), toMs);
    periods.push({ startMs, endMs });
    startMs = endMs;
  }
  return periods;
}

function endOfPeriod(atMs: number, granularity: Granularity, timezone: string): number {
  if (granularity !== 'hour') return windowAt(plain(granularity, timezone), atMs).endMs;
  const day = windowAt(plain('day', timezone), atMs);
  const hours = Math.floor((atMs - day.startMs) / HOUR_MS) + 1;
  return Math.min(day.startMs + hours * HOUR_MS, day.endMs);
}

/** True when the roll-up by quarters of an hour can answer: no boundary falls inside one. */
export const isOnQuarters = (periods: readonly Period[]): boolean =>
  periods.every(({ startMs, endMs }) => startMs % QUARTER_MS === 0 && endMs % QUARTER_MS === 0);

/** True when the roll-up by days of UTC can answer. */
export const isOnUtcDays = (periods: readonly Period[]): boolean =>
  periods.every(({ startMs, endMs }) => startMs % DAY_MS === 0 && endMs % DAY_MS === 0);

/** The first partition (toYYYYMM of when it was charged) that may hold what happened from an instant on. */
export function partitionFrom(atMs: number): string {
  // What is charged an instant before it happened, by clocks that differ, must not be missed.
  const date = new Date(Math.max(0, atMs - HOUR_MS));
  return `${date.getUTCFullYear()}${String(date.getUTCMonth() + 1).padStart(2, '0')}`;
}

/** How many windows of a quota begin in a period. */
export function windowsIn(period: Period, every: Every, anchorMs: number | null, timezone: string): number {
  const lengthMs = period.endMs - period.startMs;
  switch (every) {
    case 'minute':
      return Math.round(lengthMs / 60_000);
    case 'hour':
      return Math.round(lengthMs / HOUR_MS);
    case 'day':
      return Math.round(lengthMs / DAY_MS);
    case 'week': {
      const window = { every, anchorMs, timezone };
      let count = 0;
      for (let at = windowAt(window, period.startMs); at.startMs < period.endMs; at = windowAt(window, at.endMs)) {
        if (at.startMs >= period.startMs) count += 1;
      }
      return count;
    }
    case 'month':
    case 'year':
    case 'lifetime':
      return 1;
  }
}

export const toInstant = (ms: number): string => new Date(ms).toISOString();
