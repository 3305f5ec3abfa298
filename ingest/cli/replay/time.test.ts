import { describe, expect, it } from 'vitest';
import { parseLogTime } from './time.js';

const text = (value: unknown, timezone = 'UTC'): string | undefined => parseLogTime(value, timezone)?.text;

describe('times of a log', () => {
  it('keep every fractional digit, and are UTC where they name no zone', () => {
    const time = parseLogTime('2023-11-16 18:17:03.9799600', 'UTC');
    expect(time).toEqual({ text: '2023-11-16T18:17:03.9799600Z', atMs: Date.UTC(2023, 10, 16, 18, 17, 3, 979) });
    expect(text('2023-11-16T18:17')).toBe('2023-11-16T18:17:00Z');
    expect(text('2023-11-16T18:17:03,5')).toBe('2023-11-16T18:17:03.5Z');
  });

  it('are moved to UTC by the zone they name', () => {
    expect(text('2023-11-16T18:17:03.25+05:30', 'Asia/Tokyo')).toBe('2023-11-16T12:47:03.25Z');
    expect(text('2023-11-16 18:17:03 -0800')).toBe('2023-11-17T02:17:03Z');
    expect(text('2023-11-16T18:17:03+01')).toBe('2023-11-16T17:17:03Z');
    expect(text('2023-11-16 18:17:03 UTC', 'Asia/Tokyo')).toBe('2023-11-16T18:17:03Z');
  });

  it('are read in the given zone, summer and winter', () => {
    expect(text('2023-07-01 12:00:00', 'Europe/Berlin')).toBe('2023-07-01T10:00:00Z');
    expect(text('2023-12-01 12:00:00.1234567', 'Europe/Berlin')).toBe('2023-12-01T11:00:00.1234567Z');
    expect(text('2023-12-01 12:00:00', 'Asia/Kolkata')).toBe('2023-12-01T06:30:00Z');
  });

  it('that do not exist move forward by the gap; those that occur twice mean the first', () => {
    expect(text('2023-03-26 02:30:00', 'Europe/Berlin')).toBe('2023-03-26T01:30:00Z');
    expect(text('2023-10-29 02:30:00', 'Europe/Berlin')).toBe('2023-10-29T00:30:00Z');
    expect(text('2023-11-05 01:30:00', 'America/New_York')).toBe('2023-11-05T05:30:00Z');
    expect(text('2023-04-02 01:45:00', 'Australia/Lord_Howe')).toBe('2023-04-01T14:45:00Z');
  });

  it('since 1970 are told apart by their digits', () => {
    expect(text(1_700_000_000)).toBe('2023-11-14T22:13:20Z');
    expect(text('1700000000.25')).toBe('2023-11-14T22:13:20.25Z');
    expect(text('1700000000123')).toBe('2023-11-14T22:13:20.123Z');
    expect(text('1700000000123456')).toBe('2023-11-14T22:13:20.123456Z');
    expect(text('1700000000123456789')).toBe('2023-11-14T22:13:20.123456789Z');
  });

  it('that are none are refused, not bent', () => {
    const none = [
      '',
      'today',
      '2023-02-30 00:00:00',
      '2023-13-01T00:00',
      '2023-11-16T24:00:00',
      '16.11.2023',
      '123',
      '170000000012345',
    ];
    for (const value of [...none, '2023-11-16T10:00:00+99:00', undefined, null, {}, true]) {
      expect(parseLogTime(value, 'UTC'), String(value)).toBeUndefined();
    }
  });
});
