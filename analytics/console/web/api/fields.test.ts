import { expect, it } from 'vitest';
import { Fields } from './fields.js';

it('amounts keep their digits, as number or as text', () => {
  const fields = new Fields({ a: 9_007_199_254_740_991, b: '0.000125', c: 1e-7, d: '1e5', e: null });
  expect([fields.amount('a'), fields.amount('b'), fields.amount('c')]).toEqual([
    '9007199254740991',
    '0.000125',
    '0.000000100',
  ]);
  expect(() => fields.amount('d')).toThrow('no amount at d');
  expect(fields.amountOrNull('e')).toBeNull();
});

it('a fault names its place', () => {
  const fields = new Fields({ rows: [{ used: 1 }, { used: 'much' }] });
  expect(() => fields.list('rows', (row) => row.amount('used'))).toThrow('no amount at rows[1].used');
  expect(() => new Fields([])).toThrow('no object at its top');
});
