import { describe, expect, it } from 'vitest';
import { add, compare, decimalText, parseDecimal, percentOf } from './decimal.js';
import {
  counted,
  formatAmount,
  formatCompact,
  formatInstant,
  formatPercent,
  formatRefill,
  formatTimeLeft,
  pluralUnit,
} from './format.js';
import { standingOf, toneOf } from './words.js';

const HOUR_MS = 3_600_000;

describe('amounts', () => {
  it.each([
    ['0', '0'],
    ['999', '999'],
    ['1000', '1,000'],
    ['-1234567', '-1,234,567'],
    ['9007199254740993', '9,007,199,254,740,993'],
    ['1234.000125', '1,234.000125'],
  ])('%s is written %s, with every digit', (text, written) => {
    expect(formatAmount(text)).toBe(written);
  });

  it('are added and compared exactly', () => {
    const sum = add(parseDecimal('0.1'), parseDecimal('0.25'));
    expect(decimalText(sum)).toBe('0.35');
    expect(decimalText(add(parseDecimal('9007199254740993'), parseDecimal('-1')))).toBe('9007199254740992');
    expect(compare(parseDecimal('1.10'), parseDecimal('1.1'))).toBe(0);
    expect(compare(parseDecimal('0.9'), parseDecimal('1'))).toBe(-1);
    expect(() => parseDecimal('1e3')).toThrow(RangeError);
  });

  it('a share is rounded down: only all of it is 100%', () => {
    expect(percentOf(parseDecimal('99999'), parseDecimal('100000'))).toBe(99.9);
    expect(percentOf(parseDecimal('1.5'), parseDecimal('1'))).toBe(150);
    expect(percentOf(parseDecimal('1'), parseDecimal('0'))).toBeNull();
    expect(formatPercent(99.99)).toBe('99.9%');
    expect(formatPercent(94.1)).toBe('94.1%');
    expect(formatPercent(1234)).toBe('1,234%');
  });

  it('are short on an axis', () => {
    expect(formatCompact(1_250_000)).toBe('1.25M');
    expect(formatCompact(950)).toBe('950');
  });

  it('refills are told by the shortest unit with a whole amount', () => {
    expect(formatRefill('5', 1)).toBe('5,000 a second');
    expect(formatRefill('1', 20)).toBe('50 a second');
    expect(formatRefill('1', 3_000)).toBe('20 a minute');
    expect(formatRefill('0.5', 1_000)).toBe('0.5 a second');
    expect(formatRefill('1', 7_000_000_000)).toBe('1 every 7,000,000,000 ms');
  });

  it('take a plural where English has a regular one', () => {
    expect([pluralUnit('token', '2'), pluralUnit('token', '1'), pluralUnit('GB', '2'), pluralUnit('', '2')]).toEqual([
      'tokens',
      'token',
      'GB',
      '',
    ]);
    expect([counted(1, 'limit'), counted(1_200, 'limit')]).toEqual(['1 limit', '1,200 limits']);
  });
});

describe('times', () => {
  it.each([
    [-1, 'now'],
    [30_000, 'under a minute'],
    [61_000, '1 minute'],
    [HOUR_MS, '1 hour'],
    [30 * HOUR_MS, '30 hours'],
    [6.9 * 24 * HOUR_MS, '6 days'],
  ])('%d ms left is %s', (ms, text) => {
    expect(formatTimeLeft(ms)).toBe(text);
  });

  it('are shown in the zone that they count in', () => {
    const ms = Date.parse('2026-11-24T22:30:00Z');
    expect(formatInstant(ms, 'Europe/Berlin')).toBe('24 Nov 2026, 23:30');
    expect(formatInstant(ms, 'Asia/Tokyo')).toBe('25 Nov 2026, 07:30');
  });
});

describe('a customer', () => {
  const terms = { status: 'active', startsAtMs: 100, endsAtMs: 100 + 90 * 24 * HOUR_MS };
  it('stands as its status and validity say', () => {
    expect(standingOf({ ...terms, status: 'suspended' }, 200).text).toBe('Suspended');
    expect(standingOf(terms, 99).text).toBe('Not started');
    expect(standingOf(terms, 100).text).toBe('Active');
    expect(standingOf(terms, terms.endsAtMs - HOUR_MS).text).toBe('Ends soon');
    expect(standingOf(terms, terms.endsAtMs).text).toBe('Ended');
  });

  it('warns from 80 percent on, and is over at 100', () => {
    expect([79.9, 80, 99.9, 100].map(toneOf)).toEqual(['good', 'warn', 'warn', 'bad']);
  });
});
