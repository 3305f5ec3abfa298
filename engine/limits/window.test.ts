import { describe, expect, test } from 'vitest';
import { windowSchema } from '../contract/catalog.js';
import { createRandom, type Random } from '../oracle/random.js';
import { boundaries, type Every, NEVER_MS, type ResolvedWindow, resolveWindow, windowAt, windowKey } from './window.js';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const DAY_MS = 86_400_000;
const FROM_MS = Date.UTC(1970, 0, 3);
const TO_MS = Date.UTC(2100, 0, 1);
const CALENDAR: readonly Every[] = ['day', 'week', 'month', 'year'];
const EVERY: readonly Every[] = ['minute', 'hour', ...CALENDAR];
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'America/Havana',
  'America/Santiago',
  'America/St_Johns',
  'Africa/Cairo',
  'Africa/Monrovia',
  'Pacific/Apia',
] as const;
/** Instants around which something odd happens somewhere. */
const ODD_MS = [
  '1972-01-07T00:44:30Z',
  '1986-01-01T00:00:00Z',
  '2006-10-29T02:31:00Z',
  '2011-12-30T10:00:00Z',
  '2024-02-29T12:00:00Z',
  '2026-04-23T22:00:00Z',
  '2026-03-29T01:00:00Z',
  '2026-04-04T15:00:00Z',
  '2026-11-01T05:00:00Z',
].map((text) => Date.parse(text));
const ANCHORS_MS = [
  '2024-02-29T23:30:00Z',
  '2026-01-31T10:00:00.250Z',
  '2026-11-01T05:30:00Z',
  '1969-12-31T00:00:00Z',
].map((text) => Date.parse(text));

const iso = (ms: number): string => new Date(ms).toISOString();
const window = (every: Every, timezone = 'UTC', anchor?: string): ResolvedWindow =>
  resolveWindow({ every, ...(anchor === undefined ? {} : { anchor }) }, { timezone });
const at = (resolved: ResolvedWindow, text: string): readonly [string, string] => {
  const { startMs, endMs } = windowAt(resolved, Date.parse(text));
  return [iso(startMs), iso(endMs)];
};

const formatters = new Map<string, Intl.DateTimeFormat>();
/** Wall time by another way than the code under test: formatToParts, no cache of offsets. */
function wallMs(timezone: string, atMs: number): number {
  let formatter = formatters.get(timezone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-GB', {
      timeZone: timezone,
      dateStyle: 'short',
      timeStyle: 'medium',
      hourCycle: 'h23',
    });
    formatters.set(timezone, formatter);
  }
  const parts = new Map<string, number>(formatter.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const get = (type: string): number => parts.get(type) ?? Number.NaN;
  const ms = ((atMs % 1000) + 1000) % 1000;
  return Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'), ms);
}

function randomInstant(random: Random): number {
  if (random.chance(0.4)) return random.pick(ODD_MS) + random.int(-2 * DAY_MS, 2 * DAY_MS);
  return random.int(FROM_MS, TO_MS);
}

describe(`windows (SEED=${SEED})`, () => {
  test('a window contains its instant, and neighbours meet without a gap, an overlap or an empty window', () => {
    const random = createRandom(SEED);
    for (let round = 0; round < 2_000; round++) {
      const timezone = random.pick(ZONES);
      const anchorMs = random.chance(0.5) ? null : random.chance(0.5) ? random.pick(ANCHORS_MS) : randomInstant(random);
      const resolved: ResolvedWindow = { every: random.pick(EVERY), anchorMs, timezone };
      const atMs = randomInstant(random);
      const about = `SEED=${SEED} round ${round}: ${windowKey(resolved)} at ${iso(atMs)}`;
      const [previousMs, startMs, endMs, nextEndMs] = boundaries(resolved, atMs);
      expect(previousMs < startMs && startMs <= atMs && atMs < endMs && endMs < nextEndMs, about).toBe(true);
      const bounds = { startMs, endMs };
      expect(windowAt(resolved, atMs), about).toEqual(bounds);
      expect(windowAt(resolved, startMs), about).toEqual(bounds);
      expect(windowAt(resolved, endMs - 1), about).toEqual(bounds);
      expect(windowAt(resolved, startMs - 1), about).toEqual({ startMs: previousMs, endMs: startMs });
      expect(windowAt(resolved, endMs), about).toEqual({ startMs: endMs, endMs: nextEndMs });
    }
  });

  test('a day starts at local midnight, the first of two, or where the clocks go on after one that is left out', () => {
    const random = createRandom(SEED + 1);
    for (let round = 0; round < 700; round++) {
      const timezone = random.pick(ZONES);
      const atMs = randomInstant(random);
      const { startMs } = windowAt(window('day', timezone), atMs);
      const about = `SEED=${SEED} round ${round}: ${timezone} at ${iso(atMs)} starts ${iso(startMs)}`;
      const wall = wallMs(timezone, startMs);
      const midnight = Math.floor(wall / DAY_MS) * DAY_MS;
      if (wall !== midnight) expect(wallMs(timezone, startMs - 1), about).toBeLessThan(midnight);
      for (const back of [1, 2, 3, 4, 24]) {
        expect(wallMs(timezone, startMs - back * 1_800_000), about).toBeLessThan(midnight);
      }
    }
  });

  test('a calendar boundary is the wall time the anchor had, on the day the calendar gives, unless a gap moves it', () => {
    const random = createRandom(SEED + 2);
    for (let round = 0; round < 700; round++) {
      const timezone = random.pick(ZONES);
      const every = random.pick(CALENDAR);
      const anchorMs = random.pick(ANCHORS_MS);
      const { startMs } = windowAt({ every, anchorMs, timezone }, randomInstant(random));
      const about = `SEED=${SEED} round ${round}: ${every} ${iso(anchorMs)} ${timezone} starts ${iso(startMs)}`;
      const anchor = wallMs(timezone, anchorMs);
      const wall = wallMs(timezone, startMs);
      const jumped = wall - wallMs(timezone, startMs - 3 * 3_600_000) !== 3 * 3_600_000 || timezone === 'Pacific/Apia';
      if (jumped) continue;
      expect(wall - Math.floor(wall / DAY_MS) * DAY_MS, about).toBe(anchor - Math.floor(anchor / DAY_MS) * DAY_MS);
      const [date, anchorDate] = [new Date(wall), new Date(anchor)];
      if (every === 'week') expect(date.getUTCDay(), about).toBe(anchorDate.getUTCDay());
      if (every === 'year') expect(date.getUTCMonth(), about).toBe(anchorDate.getUTCMonth());
      if (every === 'month' || every === 'year') {
        const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
        expect(date.getUTCDate(), about).toBe(Math.min(anchorDate.getUTCDate(), last));
      }
    }
  });

  test('later instants never fall into earlier windows', () => {
    const random = createRandom(SEED + 3);
    for (let round = 0; round < 300; round++) {
      const timezone = random.pick(ZONES);
      const every = random.pick(CALENDAR);
      const resolved: ResolvedWindow = { every, anchorMs: random.pick(ANCHORS_MS), timezone };
      let atMs = randomInstant(random);
      let last = windowAt(resolved, atMs).startMs;
      for (let step = 0; step < 8; step++) {
        atMs += random.int(0, 5 * DAY_MS);
        const { startMs } = windowAt(resolved, atMs);
        expect(startMs, `SEED=${SEED} round ${round}: ${windowKey(resolved)}`).toBeGreaterThanOrEqual(last);
        last = startMs;
      }
    }
  });
});

describe('windows by example', () => {
  test('minutes and hours are elapsed time from the epoch or the anchor, before it too, whatever the zone', () => {
    const hour = at(window('hour', 'Asia/Kathmandu'), '2026-01-01T10:59:59.999Z');
    expect(hour).toEqual(['2026-01-01T10:00:00.000Z', '2026-01-01T11:00:00.000Z']);
    const anchored = window('hour', 'UTC', '2026-06-01T00:15:00Z');
    expect(at(anchored, '2026-01-01T10:14:59.999Z')).toEqual(['2026-01-01T09:15:00.000Z', '2026-01-01T10:15:00.000Z']);
    const minute = at(window('minute'), '1970-01-01T00:00:00Z');
    expect(minute).toEqual(['1970-01-01T00:00:00.000Z', '1970-01-01T00:01:00.000Z']);
  });

  test('weeks start on Monday in the local zone, or on the weekday of the anchor', () => {
    expect(at(window('week'), '2026-01-04T23:59:59Z')).toEqual([
      '2025-12-29T00:00:00.000Z',
      '2026-01-05T00:00:00.000Z',
    ]);
    const kathmandu = at(window('week', 'Asia/Kathmandu'), '2026-01-04T18:15:00Z');
    expect(kathmandu).toEqual(['2026-01-04T18:15:00.000Z', '2026-01-11T18:15:00.000Z']);
    const anchored = at(window('week', 'UTC', '2026-01-07T08:00:00Z'), '2025-01-01T07:00:00Z');
    expect(anchored).toEqual(['2024-12-25T08:00:00.000Z', '2025-01-01T08:00:00.000Z']);
  });

  test('a month anchored on the 31st is clamped in short months and on the 31st again after them', () => {
    const resolved = window('month', 'UTC', '2026-01-31T10:00:00Z');
    const starts = [2, 3, 4, 5].map((month) => at(resolved, iso(Date.UTC(2026, month, 15)))[0]);
    expect(starts).toEqual([
      '2026-02-28T10:00:00.000Z',
      '2026-03-31T10:00:00.000Z',
      '2026-04-30T10:00:00.000Z',
      '2026-05-31T10:00:00.000Z',
    ]);
    expect(at(resolved, '2024-03-01T00:00:00Z')[0]).toBe('2024-02-29T10:00:00.000Z');
  });

  test('a year anchored on a leap day ends on 28 February, in leap years on the 29th, not in 2100', () => {
    const resolved = window('year', 'UTC', '2024-02-29T00:00:00Z');
    expect(at(resolved, '2027-06-01T00:00:00Z')).toEqual(['2027-02-28T00:00:00.000Z', '2028-02-29T00:00:00.000Z']);
    expect(at(resolved, '2099-06-01T00:00:00Z')).toEqual(['2099-02-28T00:00:00.000Z', '2100-02-28T00:00:00.000Z']);
    expect(at(resolved, '1972-02-28T23:00:00Z')).toEqual(['1971-02-28T00:00:00.000Z', '1972-02-29T00:00:00.000Z']);
  });

  test('days of 23, 25, 23½ and 24½ hours, a midnight left out and a midnight lived twice', () => {
    const cases: readonly [string, string, string, string][] = [
      ['America/New_York', '2026-03-08T12:00:00Z', '2026-03-08T05:00:00.000Z', '2026-03-09T04:00:00.000Z'],
      ['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
      ['Australia/Lord_Howe', '2026-10-03T20:00:00Z', '2026-10-03T13:30:00.000Z', '2026-10-04T13:00:00.000Z'],
      ['Australia/Lord_Howe', '2026-04-04T20:00:00Z', '2026-04-04T13:00:00.000Z', '2026-04-05T13:30:00.000Z'],
      ['Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00.000Z', '2026-04-24T21:00:00.000Z'],
      ['America/Santiago', '2026-09-06T12:00:00Z', '2026-09-06T04:00:00.000Z', '2026-09-07T03:00:00.000Z'],
      ['America/Havana', '2026-11-01T05:30:00Z', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z'],
    ];
    for (const [timezone, instant, start, end] of cases) {
      expect(at(window('day', timezone), instant), timezone).toEqual([start, end]);
    }
  });

  test('the day that Apia skipped is no window: 29 December is followed by the 31st', () => {
    const [previous, start, end, next] = boundaries(window('day', 'Pacific/Apia'), Date.parse('2011-12-30T10:00:00Z'));
    expect([previous, start, end, next].map(iso)).toEqual([
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
      '2012-01-01T10:00:00.000Z',
    ]);
    const before = boundaries(window('day', 'Pacific/Apia'), Date.parse('2011-12-30T09:59:59.999Z'));
    expect(before.map(iso).slice(1)).toEqual([
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
    ]);
  });

  test('an anchor inside a gap or a fold of another day moves forward, or means the first', () => {
    const gap = window('day', 'America/New_York', '2026-01-01T07:30:00Z');
    expect(at(gap, '2026-03-08T12:00:00Z')).toEqual(['2026-03-08T07:30:00.000Z', '2026-03-09T06:30:00.000Z']);
    const fold = window('day', 'America/New_York', '2026-01-01T06:30:00Z');
    expect(at(fold, '2026-11-01T12:00:00Z')).toEqual(['2026-11-01T05:30:00.000Z', '2026-11-02T06:30:00.000Z']);
  });

  test('a lifetime has one window and no neighbours', () => {
    expect(windowAt(window('lifetime'), 5)).toEqual({ startMs: 0, endMs: NEVER_MS });
    expect(boundaries(window('lifetime'), 5)).toEqual([0, 0, NEVER_MS, NEVER_MS]);
  });
});

describe('definitions', () => {
  test('the anchor "subscription" is where the customer starts, and none where that is open', () => {
    const monthly = windowSchema.parse({ every: 'month', anchor: 'subscription' });
    const startsAt = '2026-01-31T10:00:00+02:00';
    expect(resolveWindow(monthly, { timezone: 'Asia/Tokyo', startsAt })).toEqual({
      every: 'month',
      anchorMs: Date.parse(startsAt),
      timezone: 'Asia/Tokyo',
    });
    expect(resolveWindow(monthly, { timezone: 'UTC', startsAt: null }).anchorMs).toBeNull();
    expect(resolveWindow({ ...monthly, timezone: 'UTC' }, { timezone: 'Asia/Tokyo' }).timezone).toBe('UTC');
  });

  test('a definition is spelt alike however it came about, and differently when it gives other windows', () => {
    const spelt = [
      window('month'),
      window('day'),
      window('month', 'Asia/Tokyo'),
      window('month', 'UTC', '2026-01-01T00:00:00Z'),
      window('hour'),
      window('hour', 'UTC', '2026-01-01T00:30:00Z'),
      window('lifetime'),
    ].map(windowKey);
    expect(new Set(spelt).size).toBe(spelt.length);
    expect(windowKey(window('month', 'UTC', '2026-01-01T01:00:00+01:00'))).toBe(spelt[3]);
    expect(windowKey(window('hour', 'Asia/Tokyo'))).toBe(windowKey(window('hour')));
    expect(windowKey(window('lifetime', 'Asia/Tokyo', '2026-01-01T00:00:00Z'))).toBe('lifetime');
  });

  test('a zone that does not exist is a RangeError', () => {
    expect(() => windowAt(window('day', 'Mars/Olympus'), 0)).toThrow(RangeError);
  });
});
