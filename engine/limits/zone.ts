/**
 * Local wall time of an IANA zone, by the tz database that Node carries (`Intl.DateTimeFormat`).
 * A wall time is written as the milliseconds since 1970 that UTC would show it at.
 */

/** Zones kept at once; one costs up to 140 kB with its formatter. Past it the one that came first goes. */
const ZONES_MAX = 256;
/** Hours whose offset is kept for one zone; all are forgotten together when they are full. */
const HOURS_PER_ZONE_MAX = 512;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** `MM/DD/YYYY, hh:mm:ss`, as en-US writes these options. */
const WALL_FORMAT = /^(\d+)\/(\d+)\/(\d+),? (\d+):(\d+):(\d+)$/;

interface Zone {
  /** Null for UTC, which needs no look-up. */
  readonly formatter: Intl.DateTimeFormat | null;
  /** Hour since 1970 → offset in that whole hour, or null where the offset changes inside it. */
  readonly offsetMsByHour: Map<number, number | null>;
}

const zones = new Map<string, Zone>();

function zoneOf(timezone: string): Zone {
  const known = zones.get(timezone);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const isUtc = formatter.resolvedOptions().timeZone === 'UTC';
  const zone: Zone = { formatter: isUtc ? null : formatter, offsetMsByHour: new Map() };
  if (zones.size >= ZONES_MAX) {
    for (const oldest of zones.keys()) {
      zones.delete(oldest);
      break;
    }
  }
  zones.set(timezone, zone);
  return zone;
}

/** One `format` and a regular expression: a fifth of the time that `formatToParts` takes. */
function readOffsetMs(formatter: Intl.DateTimeFormat, atMs: number): number {
  const wholeMs = Math.floor(atMs / 1000) * 1000;
  const match = WALL_FORMAT.exec(formatter.format(wholeMs));
  if (match === null) throw new Error(`Intl wrote a date in an unknown shape: ${formatter.format(wholeMs)}`);
  const [, month, day, year, hour, minute, second] = match.map(Number);
  return Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second) - wholeMs;
}

/**
 * Offset of the zone from UTC at an instant, in milliseconds, east positive.
 * @throws RangeError for a zone that is not in the tz database.
 */
export function offsetMsAt(timezone: string, atMs: number): number {
  const { formatter, offsetMsByHour } = zoneOf(timezone);
  if (formatter === null) return 0;
  const hour = Math.floor(atMs / HOUR_MS);
  let offsetMs = offsetMsByHour.get(hour);
  if (offsetMs === undefined) {
    // Zones change at :00, :30, and St. John's used to at one minute past: such an hour is read anew each time.
    const firstMs = readOffsetMs(formatter, hour * HOUR_MS);
    offsetMs = readOffsetMs(formatter, (hour + 1) * HOUR_MS - 1) === firstMs ? firstMs : null;
    if (offsetMsByHour.size >= HOURS_PER_ZONE_MAX) offsetMsByHour.clear();
    offsetMsByHour.set(hour, offsetMs);
  }
  return offsetMs ?? readOffsetMs(formatter, atMs);
}

/**
 * The instant at which the zone's clocks show a wall time: the first one where they show it twice; where they never
 * do, the wall time moves forward by the gap (the rule "compatible" of Temporal's `disambiguation`).
 */
export function instantOfWall(timezone: string, wallMs: number): number {
  // A day to either side reaches past any offset, and no zone has changed twice within two days since 1970.
  const beforeMs = offsetMsAt(timezone, wallMs - DAY_MS);
  const afterMs = offsetMsAt(timezone, wallMs + DAY_MS);
  if (beforeMs === afterMs) return wallMs - beforeMs;
  if (offsetMsAt(timezone, wallMs - beforeMs) === beforeMs) return wallMs - beforeMs;
  if (offsetMsAt(timezone, wallMs - afterMs) === afterMs) return wallMs - afterMs;
  return wallMs - beforeMs;
}
