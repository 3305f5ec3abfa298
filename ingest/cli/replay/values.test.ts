import { describe, expect, it } from 'vitest';
import { DecimalSum, setPath, valueOfText } from './values.js';

const sumOf = (...values: unknown[]): number | string => {
  const sum = new DecimalSum();
  for (const value of values) expect(sum.add(value), String(value)).toBe(true);
  return sum.value();
};

describe('a sum', () => {
  it('is exact for decimals of any scale, and past what a double holds', () => {
    expect(sumOf(1, 2, 3)).toBe(6);
    expect(sumOf('0.1', '0.2')).toBe('0.3');
    expect(sumOf('0.25', '0.75', 1)).toBe(2);
    expect(sumOf(0.1, '1e-7', '2E3')).toBe('2000.1000001');
    expect(sumOf(Number.MAX_SAFE_INTEGER, 1)).toBe('9007199254740992');
    expect(sumOf('12345678901234567890.5', '0.5')).toBe('12345678901234567891');
    expect(sumOf()).toBe(0);
  });

  it('takes nothing that is no amount', () => {
    const sum = new DecimalSum();
    for (const value of ['', 'x', '-1', -1, Number.NaN, Number.POSITIVE_INFINITY, null, undefined, true, '1_000']) {
      expect(sum.add(value), String(value)).toBe(false);
    }
    expect(sum.value()).toBe(0);
  });
});

describe('the value of a cell', () => {
  it('is a number only where its spelling survives that', () => {
    expect(['0', '42', '9007199254740991'].map(valueOfText)).toEqual([0, 42, 9007199254740991]);
    for (const text of ['007', '1.50', '9007199254740993', '-1', '1e3', '', ' 1']) expect(valueOfText(text)).toBe(text);
  });
});

describe('a path', () => {
  it('puts values into objects that it makes, and overwrites nothing', () => {
    const data: Record<string, unknown> = {};
    expect(setPath(data, ['usage', 'total'], 1)).toBe(true);
    expect(setPath(data, ['usage', 'model'], 'm')).toBe(true);
    expect(setPath(data, ['usage'], 2)).toBe(false);
    expect(setPath(data, ['usage', 'total', 'deep'], 2)).toBe(false);
    expect(data).toEqual({ usage: { total: 1, model: 'm' } });
  });

  it('reaches no prototype', () => {
    const data: Record<string, unknown> = {};
    expect(setPath(data, ['__proto__', 'polluted'], 'yes')).toBe(true);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(JSON.stringify(data)).toBe('{"__proto__":{"polluted":"yes"}}');
  });
});
