import { decimalText, parseDecimal } from './decimal.js';

/** How numbers and times are written, everywhere on the page. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `1234567.89` → `1,234,567.89`; text in, text out, so that no digit is lost. */
export function formatAmount(text: string): string {
  const [whole = '', fraction] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });

/** `1234567` → `1.2M`, for axes. */
export const formatCompact = (value: number): string => compact.format(value);

/** Rounded down to one decimal, so that only what is all of it says 100%. */
export function formatPercent(percent: number): string {
  const tenths = Math.floor(percent * 10 + 1e-9) / 10;
  return `${formatAmount(String(tenths))}%`;
}

/** How long until: the largest unit, whole, rounded down; never `0`. */
export function formatTimeLeft(ms: number): string {
  if (ms <= 0) return 'now';
  if (ms < MINUTE_MS) return 'under a minute';
  if (ms < HOUR_MS) return unit(ms, MINUTE_MS, 'minute');
  // A reset in 30 hours is not well said by "1 day".
  if (ms < 2 * DAY_MS) return unit(ms, HOUR_MS, 'hour');
  return unit(ms, DAY_MS, 'day');
}

function unit(ms: number, unitMs: number, name: string): string {
  const count = Math.floor(ms / unitMs);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timezone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([timezone, options]);
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-GB', timezone === undefined ? options : { ...options, timeZone: timezone });
  formatters.set(key, made);
  return made;
}

const DATE = { day: 'numeric', month: 'short', year: 'numeric' } as const;
const TIME = { hour: '2-digit', minute: '2-digit' } as const;

/** `24 Nov 2026, 14:05`, in a time zone; the browser's own when left out. */
export const formatInstant = (ms: number, timezone?: string): string =>
  formatter(timezone, { ...DATE, ...TIME }).format(ms);

/** `24 Nov 2026` */
export const formatDay = (ms: number, timezone?: string): string => formatter(timezone, DATE).format(ms);

/** `24 Nov, 14:05`, where the year is plain. */
export const formatShort = (ms: number, timezone?: string): string =>
  formatter(timezone, { day: 'numeric', month: 'short', ...TIME }).format(ms);

/** `14:05:09`, in the browser's time zone. */
export const formatClock = (ms: number): string => formatter(undefined, { ...TIME, second: '2-digit' }).format(ms);

/** `token` and `2` → `tokens`. Only what English does regularly; other units stay as they are. */
export function pluralUnit(unitName: string, count: string): string {
  if (unitName === '' || count === '1' || !/[a-z]$/.test(unitName) || unitName.endsWith('s')) return unitName;
  return `${unitName}s`;
}

/** `1 customer`, `12 customers`; @param plural where English does it otherwise. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatAmount(String(count))} ${count === 1 ? noun : plural}`;
}

const RATES: readonly (readonly [text: string, ms: number])[] = [
  ['a second', SECOND_MS],
  ['a minute', MINUTE_MS],
  ['an hour', HOUR_MS],
  ['a day', DAY_MS],
];

/**
 * A refill as people say it. The engine keeps rates in lowest terms (5 every 1 ms), so they are told by the shortest
 * unit that gives a whole amount: `5,000 a second`.
 */
export function formatRefill(amount: string, everyMs: number): string {
  const { units, scale } = parseDecimal(amount);
  for (const [text, ms] of RATES) {
    const scaled = units * BigInt(ms);
    if (scaled % BigInt(everyMs) !== 0n) continue;
    return `${formatAmount(decimalText({ units: scaled / BigInt(everyMs), scale }))} ${text}`;
  }
  return `${formatAmount(amount)} every ${formatAmount(String(everyMs))} ms`;
}

/** A rate or another measured number: three digits say enough. */
export function formatMeasure(value: number): string {
  if (value >= 10_000) return formatCompact(value);
  const digits = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2;
  return formatAmount(String(Number(value.toFixed(digits))));
}

/** Milliseconds: `0.42 ms`, `1.3 s`. */
export const formatMs = (ms: number): string =>
  ms < SECOND_MS ? `${formatMeasure(ms)} ms` : `${formatMeasure(ms / SECOND_MS)} s`;

/** How long ago, or behind: `0.3 s`, `12 s`, `5 minutes`. */
export function formatLag(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  return seconds < 60 ? `${Math.floor(seconds)} s` : formatTimeLeft(seconds * SECOND_MS);
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB` */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${formatMeasure(bytes / 1_024 ** power)} ${BYTES[power]}`;
}
