import { describe, expect, it } from 'vitest';
import { figure } from './format.js';
import { spreadOf } from './spread.js';

describe('a report', () => {
  it('takes the middle of an odd number of rounds, and between the middle two of an even one', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(() => spreadOf([])).toThrow();
  });

  it('keeps the digits that matter', () => {
    expect([0, 7, 0.554, 41.26, 99, 1234.5, 1_234_567].map(figure)).toEqual([
      '0',
      '7',
      '0.55',
      '41.3',
      '99',
      '1 235',
      '1 234 567',
    ]);
  });
});
