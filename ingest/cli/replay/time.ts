/** Times as logs write them, as RFC 3339 in UTC with every fractional digit kept. */

export interface LogTime {
  /** RFC 3339, UTC. */
  readonly text: string;
  /** Milliseconds since 1970, rounded down. */
  readonly atMs: number;
}

const CALENDAR =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)? ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i;
const EPOCH = /^(\d{10}|\d{13}|\d{16}|\d{19})(?:\.(\d{1,12}))?$/;

/**
 * `2023-11-16 18:17:03.9799600`, RFC 3339, or a time since 1970 in s, ms, µs or ns, told apart by its digits.
 *
 * @param timezone IANA name, for times that name no zone. A wall time that does not exist moves forward by the gap; one
 * that occurs twice means the first.
 * @returns undefined for what is none of these
 */
export function parseLogTime(value: unknown, timezone: string): LogTime | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim();
  const calendar = CALENDAR.exec(text);
  if (calendar !== null) return calendarTime(calendar, timezone);
  const epoch = EPOCH.exec(text);
  return epoch === null ? undefined : epochTime(epoch[1] ?? '', epoch[2]);
}

function calendarTime(match: RegExpExecArray, timezone: string): LogTime | undefined {
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00', fraction, zone] = match;
  const minuteMs = minuteOf(`${year}-${month}-${day}T${hour}:${minute}`);
  if (minuteMs === undefined || second > '59') return undefined;
  const wallMs = minuteMs + Number(second) * 1_000;
  const offsetMs = zone === undefined ? wallOffsetMs(wallMs, timezone) : namedOffsetMs(zone);
  if (offsetMs === undefined) return undefined;
  if (offsetMs !== 0) return logTime(wallMs - offsetMs, fraction);
  return withFraction(`${year}-${month}-${day}T${hour}:${minute}:${second}`, wallMs, fraction);
}

/** The minute of the last time read: the next row's is the same nearly always, and a Date costs more than all the rest. */
let lastMinute = { text: '', atMs: 0 };

/** A minute as if in UTC; undefined for one that no calendar has, such as on 31 November. */
function minuteOf(text: string): number | undefined {
  if (text === lastMinute.text) return lastMinute.atMs;
  const atMs = Date.parse(`${text}:00Z`);
  // Date rolls 31 November over, and 24:00; the minute must come back as it went in.
  if (Number.isNaN(atMs) || !new Date(atMs).toISOString().startsWith(text)) return undefined;
  lastMinute = { text, atMs };
  return atMs;
}

/** Unit by digits: 10 are s, 13 ms, 16 µs, 19 ns; years 2001 to 2286. */
function epochTime(digits: string, decimals: string | undefined): LogTime | undefined {
  const fraction = digits.slice(10);
  if (fraction !== '' && decimals !== undefined) return undefined;
  return logTime(Number(digits.slice(0, 10)) * 1_000, fraction === '' ? decimals : fraction);
}

/** @param secondMs a whole second. */
const logTime = (secondMs: number, fraction: string | undefined): LogTime =>
  withFraction(new Date(secondMs).toISOString().slice(0, 19), secondMs, fraction);

function withFraction(seconds: string, secondMs: number, fraction: string | undefined): LogTime {
  if (fraction === undefined) return { text: `${seconds}Z`, atMs: secondMs };
  return { text: `${seconds}.${fraction}Z`, atMs: secondMs + Number(fraction.slice(0, 3).padEnd(3, '0')) };
}

function namedOffsetMs(zone: string): number | undefined {
  if (/^(z|utc)$/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

const DAY_MS = 86_400_000;
/** Offsets change on quarters of an hour, so one answer serves all of a quarter. */
const QUARTER_MS = 15 * 60_000;
let known: { readonly timezone: string; readonly quarter: number; readonly offsetMs: number } | undefined;

function wallOffsetMs(wallMs: number, timezone: string): number {
  if (timezone === 'UTC') return 0;
  const quarter = Math.floor(wallMs / QUARTER_MS);
  if (known?.timezone !== timezone || known.quarter !== quarter) {
    known = { timezone, quarter, offsetMs: findOffsetMs(quarter * QUARTER_MS, timezone) };
  }
  return known.offsetMs;
}

function findOffsetMs(wallMs: number, timezone: string): number {
  const before = offsetAtMs(wallMs - DAY_MS, timezone);
  const after = offsetAtMs(wallMs + DAY_MS, timezone);
  const valid = [before, after].filter((offsetMs) => offsetAtMs(wallMs - offsetMs, timezone) === offsetMs);
  // The larger offset is the earlier instant. In a gap none is valid: the old offset carries the time past it.
  return valid.length === 0 ? before : Math.max(...valid);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Offset of a zone from UTC at an instant, in whole seconds. */
function offsetAtMs(atMs: number, timezone: string): number {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timezone, format);
  }
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const wallMs = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return wallMs - Math.floor(atMs / 1_000) * 1_000;
}
