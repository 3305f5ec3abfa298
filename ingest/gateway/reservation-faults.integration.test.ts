import { describe, expect, it } from 'vitest';
import { RESERVATION_TTL_MS_MAX } from '../../engine/index.js';
import { hold, useReservations } from './reservation-support.js';

/** What is refused of reservations: a clear error each, and nothing is charged. */

const { bench, call, read, failure, limitsOf } = useReservations();

describe('what is refused', () => {
  const settle = { customer: 'acme', amount: 1 };
  it.each([
    ['', { ...hold, ttlMs: 0 }, 'invalid_request', 'ttlMs'],
    ['', { ...hold, ttlMs: -1 }, 'invalid_request', 'ttlMs'],
    ['', { ...hold, ttlMs: 1.5 }, 'invalid_request', 'ttlMs'],
    ['', { ...hold, ttlMs: '60000' }, 'invalid_request', 'ttlMs'],
    ['', { ...hold, ttlMs: null }, 'invalid_request', 'ttlMs'],
    ['', { ...hold, ttlMs: RESERVATION_TTL_MS_MAX + 1 }, 'invalid_request', 'ttlMs'],
    ['', { ...hold, ttlMs: 365 * 24 * 60 * 60 * 1_000 }, 'invalid_request', 'ttlMs'],
    ['', { ...hold, amount: undefined }, 'invalid_amount', 'amount'],
    ['', { ...hold, amount: -1 }, 'invalid_amount', 'amount'],
    ['', { ...hold, amount: '0.001' }, 'invalid_amount', 'amount'],
    ['', { ...hold, amount: null }, 'invalid_amount', 'amount'],
    ['', { ...hold, id: '' }, 'invalid_request', 'id'],
    ['', { ...hold, id: 'x'.repeat(257) }, 'invalid_request', 'id'],
    ['', { ...hold, id: 'a\u0000' }, 'invalid_request', 'id'],
    ['', { ...hold, id: 7 }, 'invalid_request', 'id'],
    ['', { ...hold, customer: undefined }, 'invalid_request', 'customer'],
    ['', { ...hold, ttl: 5 }, 'unknown_field', 'ttl'],
    ['', { ...hold, dryRun: true }, 'unknown_field', 'dryRun'],
    ['', '{"customer":', 'invalid_json', undefined],
    ['/x/commit', { customer: 'acme' }, 'invalid_amount', 'amount'],
    ['/x/commit', { ...settle, ttlMs: 5 }, 'unknown_field', 'ttlMs'],
    ['/x/commit', {}, 'invalid_request', 'customer'],
    ['/x/release', settle, 'unknown_field', 'amount'],
    ['/x/release', [], 'invalid_request', undefined],
    ['/x/heartbeat', { customer: 'acme' }, 'invalid_request', 'ttlMs'],
    ['/x/heartbeat', { customer: 'acme', ttlMs: 0 }, 'invalid_request', 'ttlMs'],
    ['/x/heartbeat', { customer: 'acme', ttlMs: 1e12 }, 'invalid_request', 'ttlMs'],
    [`/${'x'.repeat(257)}/commit`, settle, 'invalid_request', 'id'],
    ['/%00/commit', settle, 'invalid_request', 'id'],
    ['/%zz/commit', settle, 'invalid_request', 'id'],
  ])('%s with %j is %s at %s', async (path, body, code, field) => {
    const error = await failure(path, body);
    expect(error).toMatchObject({ status: 400, code, docs: `docs/errors.md#${code}` });
    expect(error.field).toBe(field);
  });

  it('what was never acquired, and the hold of another customer', async () => {
    await call('', { ...hold, customer: 'globex', id: 'of-globex' });
    for (const at of [0, 1]) {
      for (const [path, body] of [
        ['/never/release', { customer: 'acme' }],
        ['/never/commit', settle],
        ['/never/heartbeat', { customer: 'acme', ttlMs: 1_000 }],
        ['/of-globex/commit', settle],
        ['/of-globex/release', { customer: 'acme' }],
        ['/of-globex/heartbeat', { customer: 'acme', ttlMs: 1_000 }],
        ['/of-globex/commit', { customer: 'nobody', amount: 1 }],
      ] as const) {
        expect(await failure(path, body, { at })).toMatchObject({ status: 404, code: 'unknown_reservation' });
      }
    }
    expect(await limitsOf('acme', 'chat')).toMatchObject({ total: { used: '0', reserved: '0' } });
    expect(await limitsOf('globex', 'chat')).toMatchObject({ total: { used: '0', reserved: '2.5' } });
    await call('/of-globex/release', { customer: 'globex' });
  });

  it('an entity that is not below the customer', async () => {
    const unknown = { status: 404, code: 'unknown_entity', field: 'entity' };
    expect(await failure('', { ...hold, customer: 'globex', entity: 'ann' })).toMatchObject(unknown);
    expect(await failure('', { ...hold, entity: 'eve' })).toMatchObject(unknown);
    expect(await limitsOf('acme', 'chat')).toMatchObject({ total: { used: '0', reserved: '0' } });
  });

  it('a hold on a feature without a meter', async () => {
    const refused = await failure('', { ...hold, feature: 'sso', amount: 1 });
    expect(refused).toMatchObject({ status: 422, code: 'not_metered', field: 'feature' });
  });

  it('a commit with an amount that its meter cannot have, and the hold stays', async () => {
    await call('', { ...hold, id: 'stays' });
    for (const at of [0, 1]) {
      for (const amount of [-1, '0.001', 'ten', 1e300, '90071992547409.92']) {
        expect(await failure('/stays/commit', { customer: 'acme', amount }, { at })).toMatchObject({
          status: 400,
          code: 'invalid_amount',
          field: 'amount',
        });
      }
    }
    expect(await limitsOf('acme', 'chat')).toMatchObject({ total: { used: '0', reserved: '2.5' } });
    await call('/stays/release', { customer: 'acme' });
  });

  it('keys without the scope, and keys of another customer', async () => {
    const { key: reader } = await bench().keys.create({ scopes: ['read', 'ingest'] }, 'test');
    const { key: bound } = await bench().keys.create({ scopes: ['check'], customer: 'globex' }, 'test');
    const forbidden = { status: 403, code: 'forbidden' };
    for (const path of ['', '/x/commit', '/x/release', '/x/heartbeat']) {
      expect(await failure(path, settle, { key: reader })).toMatchObject(forbidden);
      expect(await failure(path, settle, { key: 'unknown' })).toMatchObject({ status: 401, code: 'invalid_key' });
    }
    const field = { ...forbidden, field: 'customer' };
    expect(await failure('', hold, { key: bound })).toMatchObject(field);
    expect(await failure('/x/commit', settle, { key: bound })).toMatchObject(field);
    expect(await failure('/x/release', { customer: 'acme' }, { key: bound })).toMatchObject(field);
    expect(await failure('/x/heartbeat', { customer: 'acme', ttlMs: 1 }, { key: bound })).toMatchObject(field);
    expect(await read('', { ...hold, customer: 'globex', id: 'own' }, { key: bound })).toMatchObject({ allowed: true });
    expect(await read('/own/release', { customer: 'globex' }, { key: bound })).toMatchObject({ status: 'released' });
  });

  it('methods that are not there', async () => {
    for (const path of ['/v1/reservations', '/v1/reservations/x/commit']) {
      const response = await bench().call(path, undefined, { method: 'DELETE' });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await call('/x', settle)).status).toBe(404);
  });
});
