import { expect, it } from 'vitest';
import { lastMonths, monthName, monthOf } from './months.js';

it('a month begins where the customer is', () => {
  const ms = Date.parse('2026-11-30T16:00:00Z');
  expect([monthOf(ms, 'UTC'), monthOf(ms, 'Asia/Tokyo')]).toEqual(['2026-11', '2026-12']);
});

it('months go back over the turn of a year', () => {
  expect(lastMonths(Date.parse('2027-01-31T12:00:00Z'), 'UTC', 3)).toEqual(['2027-01', '2026-12', '2026-11']);
  expect(monthName('2026-12')).toBe('December 2026');
});
