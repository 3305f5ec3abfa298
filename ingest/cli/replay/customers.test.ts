import { describe, expect, it } from 'vitest';
import { customerName, zipfRanks } from './customers.js';

const counts = (ranks: (row: number) => number, customers: number, rows: number): number[] => {
  const found = Array.from({ length: customers }, () => 0);
  for (let row = 1; row <= rows; row++) {
    const place = ranks(row) - 1;
    found[place] = (found[place] ?? 0) + 1;
  }
  return found;
};

describe('drawn customers', () => {
  it('depend on the seed and the row alone', () => {
    const draw = { customers: 100, exponent: 1.1, seed: 7 };
    const [first, second] = [zipfRanks(draw), zipfRanks(draw)];
    const forward = Array.from({ length: 50 }, (_, row) => first(row + 1));
    const backward = Array.from({ length: 50 }, (_, row) => second(50 - row)).reverse();
    expect(backward).toEqual(forward);
    const other = zipfRanks({ ...draw, seed: 8 });
    expect(Array.from({ length: 50 }, (_, row) => other(row + 1))).not.toEqual(forward);
    // Other machines and later versions must draw the same, or a second run would charge the rows again.
    expect(forward.slice(0, 12)).toMatchInlineSnapshot(`
      [
        36,
        7,
        1,
        1,
        39,
        77,
        1,
        1,
        30,
        12,
        24,
        1,
      ]
    `);
  });

  it('follow a Zipf law within what chance allows', () => {
    const customers = 20;
    const rows = 20_000;
    const found = counts(zipfRanks({ customers, exponent: 1.1, seed: 1 }), customers, rows);
    const weights = Array.from({ length: customers }, (_, index) => 1 / (index + 1) ** 1.1);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const chiSquared = weights.reduce((sum, weight, index) => {
      const expected = (weight / total) * rows;
      return sum + ((found[index] ?? 0) - expected) ** 2 / expected;
    }, 0);
    // 19 degrees of freedom: above 43.8 once in a thousand seeds.
    expect(chiSquared).toBeLessThan(43.8);
  });

  it('are all alike with exponent 0, and one is always the one', () => {
    const found = counts(zipfRanks({ customers: 4, exponent: 0, seed: 1 }), 4, 4_000);
    for (const count of found) expect(Math.abs(count - 1_000)).toBeLessThan(120);
    expect(zipfRanks({ customers: 1, exponent: 1.1, seed: 1 })(12)).toBe(1);
  });

  it('have names whose order is that of the ranks', () => {
    expect([customerName('c-', 7, 100), customerName('c-', 100, 100), customerName('c-', 1, 1)]).toEqual([
      'c-007',
      'c-100',
      'c-1',
    ]);
  });
});
