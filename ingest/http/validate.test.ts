import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { planSchema, WeirError } from '../../engine/index.js';
import { parseJson, validate } from './validate.js';

function refused(schema: z.ZodType, value: unknown): { code: string; field: string | undefined; message: string } {
  try {
    validate(schema, value);
  } catch (error) {
    if (error instanceof WeirError) return { code: error.code, field: error.field, message: error.message };
  }
  throw new Error('it was not refused');
}

const schema = z.strictObject({ name: z.string(), list: z.array(z.strictObject({ amount: z.number() })).optional() });

describe('what is refused', () => {
  it('is named by its path', () => {
    expect(refused(schema, {})).toMatchObject({ code: 'invalid_request', field: 'name' });
    expect(refused(schema, { name: 'n', list: [{ amount: 1 }, { amount: 'x' }] })).toMatchObject({
      code: 'invalid_amount',
      field: 'list[1].amount',
    });
    expect(refused(schema, { name: 'n', list: [{ amount: 1, x: 2 }] })).toMatchObject({
      code: 'unknown_field',
      field: 'list[0].x',
    });
    expect(refused(schema, 5)).toMatchObject({ code: 'invalid_request', field: undefined });
  });

  it('is a field that does not exist, before anything else', () => {
    expect(refused(schema, { nmae: 'n' })).toMatchObject({ code: 'unknown_field', field: 'nmae' });
  });

  it('is found inside a union, in the branch that was meant', () => {
    const limit = { id: 'monthly', kind: 'quota', amount: -5, window: { every: 'month' } };
    expect(refused(planSchema, { id: 'p', features: { chat: { limits: [limit] } } })).toMatchObject({
      code: 'invalid_amount',
      field: 'features.chat.limits[0].amount',
    });
    expect(refused(planSchema, { id: 'p', features: { chat: { limtis: [] } } })).toMatchObject({
      code: 'unknown_field',
      field: 'features.chat.limtis',
    });
  });
});

describe('JSON', () => {
  it('is UTF-8, and a byte order mark does no harm', () => {
    expect(parseJson(Buffer.from('\ufeff{"a":"é"}'))).toEqual({ a: 'é' });
    expect(() => parseJson(Buffer.from([0x22, 0xc3, 0x22]))).toThrow(expect.objectContaining({ code: 'invalid_json' }));
  });

  it('is quoted briefly in the message', () => {
    try {
      parseJson(Buffer.from(`{"a": ${'x'.repeat(5_000)}`));
    } catch (error) {
      expect(String(error).length).toBeLessThan(300);
    }
    expect.assertions(1);
  });
});
