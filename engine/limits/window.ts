import { floorDiv } from '../contract/amounts.js';
import type { Window } from '../contract/catalog.js';
import { instantOfWall, offsetMsAt } from './zone.js';

/** The calendar of quota windows: semantics.md, "window". All times are milliseconds since 1970. */

export type Every = Window['every'];

/** A window's definition with the customer's share filled in: all that its boundaries depend on. */
export interface ResolvedWindow {
  readonly every: Every;
  readonly anchorMs: number | null;
  /** IANA name. */
  readonly timezone: string;
}

/** Half-open: the start belongs to the window, the end to the next one. */
export interface WindowBounds {
  readonly startMs: number;
  readonly endMs: number;
}

/** Starts of the window before, this one, the next one, and the one after that. */
export type Boundaries = readonly [number, number, number, number];

/** End of a lifetime window: later than any instant. */
export const NEVER_MS = Number.MAX_SAFE_INTEGER;

const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday; the Monday after it starts the weeks that have no anchor. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/**
 * Fills in what a window takes from its customer: the time zone it does not name, and `startsAt` for the anchor
 * `subscription` (no anchor where the customer has none).
 */
export function resolveWindow(
  window: Window,
  customer: { readonly timezone: string; readonly startsAt?: string | null | undefined },
): ResolvedWindow {
  const anchor = window.anchor === 'subscription' ? customer.startsAt : window.anchor;
  return {
    every: window.every,
    anchorMs: anchor ? Date.parse(anchor) : null,
    timezone: window.timezone ?? customer.timezone,
  };
}

/**
 * One spelling of the definition: a quota starts new when it changes. What plays no part is left out (the time zone
 * of a minute or hour, everything of a lifetime), so that moving a customer to another zone resets no such quota.
 * Zones stay as they are written: their canonical names differ between releases of the tz database.
 */
export function windowKey(window: ResolvedWindow): string {
  const { every, anchorMs, timezone } = window;
  const anchor = anchorMs === null ? '' : `@${anchorMs}`;
  switch (every) {
    case 'lifetime':
      return every;
    case 'minute':
    case 'hour':
      return every + anchor;
    case 'day':
    case 'week':
    case 'month':
    case 'year':
      return `${every}${anchor} ${timezone}`;
  }
}

/** The window that contains an instant; a lifetime is [0, NEVER_MS). */
export function windowAt(window: ResolvedWindow, atMs: number): WindowBounds {
  if (window.every === 'lifetime') return { startMs: 0, endMs: NEVER_MS };
  const { startMs, endMs } = find(calendarOf(window), atMs);
  return { startMs, endMs };
}

/**
 * The window that contains an instant with its neighbours: [start of the one before, start, end, end of the next].
 * Neighbours are never empty: a local day that a zone skipped (Apia's 2011-12-30) is no window.
 * A lifetime has no neighbours: [0, 0, NEVER_MS, NEVER_MS].
 */
export function boundaries(window: ResolvedWindow, atMs: number): Boundaries {
  if (window.every === 'lifetime') return [0, 0, NEVER_MS, NEVER_MS];
  const calendar = calendarOf(window);
  const { index, startMs, endMs } = find(calendar, atMs);
  let previousMs = calendar.start(index - 1);
  for (let before = index - 2; previousMs === startMs; before--) previousMs = calendar.start(before);
  let nextEndMs = calendar.start(index + 2);
  for (let after = index + 3; nextEndMs === endMs; after++) nextEndMs = calendar.start(after);
  return [previousMs, startMs, endMs, nextEndMs];
}

/** Windows in a row, numbered from the anchor. */
interface Calendar {
  /** Start of the k-th window as an instant; never decreases as k grows. */
  start(index: number): number;
  /** About the index of the window that contains the instant: clocks and clamped days may put it off by one or two. */
  guess(atMs: number): number;
}

function find(calendar: Calendar, atMs: number): WindowBounds & { readonly index: number } {
  let index = calendar.guess(atMs);
  let startMs = calendar.start(index);
  while (startMs > atMs) startMs = calendar.start(--index);
  let endMs = calendar.start(index + 1);
  while (endMs <= atMs) {
    startMs = endMs;
    endMs = calendar.start(++index + 1);
  }
  return { index, startMs, endMs };
}

function calendarOf(window: ResolvedWindow): Calendar {
  switch (window.every) {
    case 'minute':
      return elapsed(window, 60_000);
    case 'hour':
      return elapsed(window, 3_600_000);
    case 'day':
      return wallDays(window, 1);
    case 'week':
      return wallDays(window, 7);
    case 'month':
      return wallMonths(window, 1);
    case 'year':
      return wallMonths(window, 12);
    case 'lifetime':
      throw new Error('a lifetime has no calendar');
  }
}

function elapsed(window: ResolvedWindow, stepMs: number): Calendar {
  const anchorMs = window.anchorMs ?? 0;
  return {
    start: (index) => anchorMs + index * stepMs,
    guess: (atMs) => floorDiv(atMs - anchorMs, stepMs),
  };
}

function wallDays(window: ResolvedWindow, days: number): Calendar {
  const { timezone } = window;
  const anchorWallMs = anchorWall(window, days === 7 ? FIRST_MONDAY_MS : 0);
  const stepMs = days * DAY_MS;
  return {
    start: (index) => instantOfWall(timezone, anchorWallMs + index * stepMs),
    guess: (atMs) => floorDiv(atMs + offsetMsAt(timezone, atMs) - anchorWallMs, stepMs),
  };
}

/** Counted from the anchor itself, so that a 31st which February made a 28th is the 31st again in March. */
function wallMonths(window: ResolvedWindow, months: number): Calendar {
  const { timezone } = window;
  const anchorWallMs = anchorWall(window, 0);
  const anchor = new Date(anchorWallMs);
  const anchorMonth = monthOf(anchor);
  const anchorDay = anchor.getUTCDate();
  const timeOfDayMs = anchorWallMs - floorDiv(anchorWallMs, DAY_MS) * DAY_MS;
  return {
    start: (index) => {
      const month = anchorMonth + index * months;
      const year = floorDiv(month, 12);
      const day = Math.min(anchorDay, daysIn(year, month - year * 12));
      return instantOfWall(timezone, Date.UTC(year, month - year * 12, day) + timeOfDayMs);
    },
    guess: (atMs) => floorDiv(monthOf(new Date(atMs + offsetMsAt(timezone, atMs))) - anchorMonth, months),
  };
}

function anchorWall({ anchorMs, timezone }: ResolvedWindow, unanchoredMs: number): number {
  return anchorMs === null ? unanchoredMs : anchorMs + offsetMsAt(timezone, anchorMs);
}

/** Months since year 0. */
function monthOf(date: Date): number {
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Days of a month (0 to 11) in the Gregorian calendar. */
function daysIn(year: number, month: number): number {
  if (month === 1) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
}
