import { describe, expect, it } from 'vitest';
import { errorOf, useGateway } from './gateway-support.js';

const bench = useGateway();
const ask = { customer: 'acme', feature: 'chat' };

describe('POST /v1/check/batch', () => {
  const batch = (body: unknown, key?: string): Promise<Response> =>
    bench().call('/v1/check/batch', { body, ...(key === undefined ? {} : { key }) });

  it('answers in order, and an item that is wrong fails alone', async () => {
    bench().engine.used.set('acme', 0);
    const response = await batch({
      checks: [
        { ...ask, amount: 600 },
        { ...ask, amount: -1 },
        { customer: 5, feature: 'chat' },
        { ...ask, unknown: true },
        { ...ask, amount: 600 },
        { ...ask, feature: 'conflict' },
        { ...ask, amount: 400 },
      ],
    });
    expect(response.status).toBe(200);
    const { results } = (await response.json()) as { results: unknown[] };
    expect(results).toMatchObject([
      { allowed: true, amount: 600 },
      { error: { code: 'invalid_amount' } },
      { error: { code: 'invalid_request', field: 'checks[2].customer' } },
      { error: { code: 'unknown_field', field: 'checks[3].unknown' } },
      { allowed: false, deniedBy: ['monthly'] },
      { error: { code: 'id_conflict', docs: 'docs/errors.md#id_conflict' } },
      { allowed: true, remaining: 0 },
    ]);
    expect(results).toHaveLength(7);
  });

  it.each([
    [{}, 400, 'invalid_request', 'checks'],
    [[], 400, 'invalid_request', undefined],
    [{ checks: {} }, 400, 'invalid_request', 'checks'],
    [{ checks: [] }, 400, 'invalid_request', 'checks'],
    [{ checks: [ask], atomc: true }, 400, 'unknown_field', 'atomc'],
    [{ checks: [ask], atomic: 'yes' }, 400, 'invalid_request', 'atomic'],
    [{ checks: Array(1_001).fill(ask) }, 422, 'too_many_items', 'checks'],
    [{ checks: Array(101).fill(ask), atomic: true }, 422, 'too_many_items', 'checks'],
    [{ checks: [ask, { ...ask, customer: 'globex' }], atomic: true }, 400, 'invalid_request', 'checks'],
    [{ checks: [ask, { ...ask, amount: [] }], atomic: true }, 400, 'invalid_amount', 'checks[1].amount'],
  ])('refuses %j as a whole', async (body, status, code, field) => {
    const error = await errorOf(await batch(body));
    expect(error).toMatchObject({ status, code });
    expect(error.field).toBe(field);
  });

  it('takes 1 000 checks, decoded apart from the event loop when they are large', async () => {
    const checks = Array.from({ length: 1_000 }, (_, index) => ({
      ...ask,
      amount: 0,
      id: `${index}-${'i'.repeat(120)}`,
    }));
    const response = await batch({ checks });
    expect(response.status).toBe(200);
    const { results } = (await response.json()) as { results: unknown[] };
    expect(results).toHaveLength(1_000);
    expect(await errorOf(await batch(`{"checks":[${' '.repeat(100_000)}`))).toMatchObject({ code: 'invalid_json' });
    const unknown = { checks, [`x${'y'.repeat(100)}`]: 1 };
    expect(await errorOf(await batch(unknown))).toMatchObject({ status: 400, code: 'unknown_field' });
  });

  it('keeps a bound key to its customer', async () => {
    const response = await batch({ checks: [ask, { ...ask, customer: 'globex' }] }, 'key-acme');
    expect(await response.json()).toMatchObject({ results: [{ customer: 'acme' }, { error: { code: 'forbidden' } }] });
  });
});
