import { describe, expect, it } from 'vitest';
import type { NearLimit } from '../api/reports.js';
import { customerCount, filterRows, nextSorting, sortRows, WORST_FIRST } from './near-rows.js';

const row = (customer: string, percent: number, more: Partial<NearLimit> = {}): NearLimit => ({
  customer,
  plan: 'pro',
  feature: 'chat',
  meter: 'tokens',
  limit: 'monthly',
  included: '100',
  used: String(percent),
  percent,
  windowStartMs: 0,
  windowEndMs: 1_000,
  reachesAtMs: null,
  ...more,
});
const names = (rows: readonly NearLimit[]): string[] => rows.map(({ customer }) => customer);

describe('sorting', () => {
  it('puts the worst first, and equal ones by name, whatever order they come in', () => {
    const rows = [row('b', 90), row('c', 120), row('a', 90)];
    expect(names(sortRows(rows, WORST_FIRST))).toEqual(['c', 'a', 'b']);
    expect(names(sortRows([...rows].reverse(), WORST_FIRST))).toEqual(['c', 'a', 'b']);
    expect(names(rows)).toEqual(['b', 'c', 'a']);
  });

  it('compares amounts as numbers, and names as people count', () => {
    const rows = [row('team-10', 80, { used: '9' }), row('team-9', 80, { used: '10' })];
    expect(names(sortRows(rows, { column: 'used', descending: true }))).toEqual(['team-9', 'team-10']);
    expect(names(sortRows(rows, { column: 'customer', descending: false }))).toEqual(['team-9', 'team-10']);
  });

  it('puts what never resets after everything that does', () => {
    const rows = [row('lifetime', 80, { windowEndMs: null }), row('soon', 80, { windowEndMs: 5 })];
    expect(names(sortRows(rows, { column: 'left', descending: false }))).toEqual(['soon', 'lifetime']);
  });

  it('turns round on the second click; numbers begin at the top, names at the start', () => {
    expect(nextSorting(WORST_FIRST, 'percent')).toEqual({ column: 'percent', descending: false });
    expect(nextSorting(WORST_FIRST, 'customer')).toEqual({ column: 'customer', descending: false });
    expect(nextSorting({ column: 'customer', descending: false }, 'used')).toEqual({
      column: 'used',
      descending: true,
    });
  });
});

it('a filter looks for every word in customer and plan, in any case', () => {
  const rows = [row('Acme', 90), row('acme-labs', 90, { plan: 'free' }), row('globex', 90, { plan: 'free' })];
  expect(names(filterRows(rows, ' free ACME '))).toEqual(['acme-labs']);
  expect(names(filterRows(rows, ''))).toEqual(names(rows));
  expect(filterRows(rows, 'monthly')).toEqual([]);
});

it('counts customers, not limits', () => {
  expect(customerCount([row('a', 90), row('a', 95, { limit: 'daily' }), row('b', 90)])).toBe(2);
});
