import { describe, expect, it } from 'vitest';
import { RESERVATION_TTL_MS_MAX } from '../../engine/index.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { type CallHow, useRealGateways } from './engine-support.js';
import { errorOf } from './gateway-support.js';

/** Reservations over HTTP, on the real engine; two gateways, since a commit may come to the one that did not reserve. */

const CATALOG = `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.tokens, scale: 2 }
  - { id: calls, eventType: llm.request, aggregation: count }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: jobs, kind: metered, meter: calls }
  - { id: sso, kind: boolean }
plans:
  - id: pro
    features:
      chat: { limits: [{ id: total, kind: quota, amount: 100000, window: { every: lifetime }, warnAt: [50] }] }
      jobs: { limits: [{ id: parallel, kind: concurrency, slots: 2 }] }
      sso: true
customers:
  - { id: acme, plan: pro, entities: [{ id: ann, features: { chat: { limits: [{ id: own, kind: quota, amount: 1000, window: { every: lifetime } }] } } }] }
  - { id: globex, plan: pro }
  - { id: initech, plan: pro }
  - { id: umbrella, plan: pro }
  - { id: hooli, plan: pro }
`;

const bench = useRealGateways(CATALOG);
const call = (path: string, body: unknown, how?: CallHow): Promise<Response> =>
  bench().call(`/v1/reservations${path}`, body, how);
const read = (path: string, body: unknown, how?: CallHow): Promise<Record<string, unknown>> =>
  bench().read(`/v1/reservations${path}`, body, how);
const failure = async (path: string, body: unknown, how?: CallHow): Promise<Record<string, unknown>> =>
  errorOf(await call(path, body, how));
const limitsOf = async (customer: string, feature: string, query = ''): Promise<unknown> => {
  const { features } = await bench().read(`/v1/customers/${customer}/usage${query}`);
  const states = (features as Record<string, { limits: unknown }>)[feature];
  return states?.limits;
};
const hold = { customer: 'acme', feature: 'chat', amount: '2.5' };

describe('a reservation', () => {
  it('is a decision, and a hold under the id it was given', async () => {
    const before = Date.now();
    const response = await call('', { ...hold, id: 'r1', ttlMs: 30_000 });
    expect(response.status).toBe(200);
    expect(response.headers.get('ratelimit')).toBe('"total";r=99750');
    const answer = (await response.json()) as { reservation: { expiresAt: string } };
    expect(answer).toMatchObject({
      allowed: true,
      reason: 'ok',
      customer: 'acme',
      feature: 'chat',
      amount: '2.5',
      remaining: '997.5',
      retryAfterMs: 0,
      deniedBy: [],
      replayed: false,
      limits: { total: { used: '0', reserved: '2.5', remaining: '997.5' } },
      reservation: { id: 'r1', amount: '2.5' },
    });
    const expiresAtMs = Date.parse(answer.reservation.expiresAt);
    expect(expiresAtMs).toBeGreaterThanOrEqual(before + 29_000);
    expect(expiresAtMs).toBeLessThan(before + 40_000);
    await call('/r1/release', { customer: 'acme' });
  });

  it('without an id gets one that works', async () => {
    const { reservation } = await read('', hold);
    expect(reservation).toMatchObject({ id: expect.stringMatching(/^rsv_[\w-]{22}$/) });
    const { id } = reservation as { id: string };
    expect(await read(`/${id}/release`, { customer: 'acme' })).toMatchObject({ status: 'released', id });
  });

  it('lasts a minute where nothing is said of its ttl', async () => {
    const { reservation } = await read('', { ...hold, id: 'minute' });
    const leftMs = Date.parse((reservation as { expiresAt: string }).expiresAt) - Date.now();
    expect(Math.abs(leftMs - 60_000)).toBeLessThan(10_000);
    await call('/minute/release', { customer: 'acme' });
  });

  it('sent twice holds once, and with another body is a conflict', async () => {
    const asked = { ...hold, customer: 'globex', id: 'twice' };
    const first = await read('', asked);
    expect(await read('', asked, { at: 1 })).toEqual({ ...first, replayed: true });
    expect(await failure('', { ...asked, amount: 3 })).toMatchObject({
      status: 409,
      code: 'id_conflict',
      field: 'id',
    });
    expect(await failure('', { ...asked, ttlMs: 1_000 })).toMatchObject({ code: 'id_conflict' });
    expect(await limitsOf('globex', 'chat')).toMatchObject({ total: { used: '0', reserved: '2.5' } });
    await call('/twice/release', { customer: 'globex' });
  });

  it('that a limit denies is an answer without a hold', async () => {
    const response = await call('', { ...hold, id: 'large', amount: '1000.01' });
    const answer = await response.json();
    expect([response.status, answer]).toMatchObject([
      200,
      { allowed: false, reason: 'limit_exceeded', deniedBy: ['total'] },
    ]);
    expect(answer).not.toHaveProperty('reservation');
    expect(await failure('/large/release', { customer: 'acme' })).toMatchObject({ code: 'unknown_reservation' });
    expect(await read('', { ...hold, customer: 'nobody' })).toMatchObject({ reason: 'unknown_customer' });
    expect(await read('', { ...hold, feature: 'nothing', amount: 1 })).toMatchObject({ reason: 'unknown_feature' });
  });

  it('of an entity is held on its limits too', async () => {
    const asked = { ...hold, id: 'of-ann', entity: 'ann' };
    expect(await read('', asked)).toMatchObject({ limits: { 'ann/own': { reserved: '2.5', remaining: '7.5' } } });
    expect(await limitsOf('acme', 'chat', '?entity=ann')).toMatchObject({
      total: { reserved: '2.5' },
      'ann/own': { reserved: '2.5' },
    });
    expect(await read('/of-ann/commit', { customer: 'acme', amount: 0 }, { at: 1 })).toMatchObject({
      limits: { 'ann/own': { used: '0', reserved: '0' } },
    });
  });
});

describe('a commit', () => {
  const customer = 'initech';
  it('charges what was used, less or more than was held, at any gateway', async () => {
    await call('', { ...hold, customer, id: 'less', amount: 10 });
    const response = await call('/less/commit', { customer, amount: '4.25' }, { at: 1 });
    expect(response.headers.get('ratelimit')).toBe('"total";r=99575');
    expect(await response.json()).toEqual({
      status: 'committed',
      id: 'less',
      replayed: false,
      customer,
      feature: 'chat',
      late: false,
      overrun: false,
      amount: '4.25',
      remaining: '995.75',
      resetAt: null,
      warnings: [],
      limits: {
        total: {
          kind: 'quota',
          included: '1000',
          used: '4.25',
          reserved: '0',
          overage: '0',
          remaining: '995.75',
          headroom: '995.75',
          resetAt: null,
        },
      },
      version: bench().gateways[0]?.engine.view.version,
    });
    await call('', { ...hold, customer, id: 'more', amount: 10 });
    expect(await read('/more/commit', { customer, amount: 500 })).toMatchObject({
      overrun: true,
      warnings: [{ limit: 'total', threshold: 50 }],
      limits: { total: { used: '504.25', reserved: '0' } },
    });
  });

  it('sent twice charges once, whichever gateway hears it; another amount is refused', async () => {
    await call('', { ...hold, customer, id: 'again', amount: 10 });
    const first = await read('/again/commit', { customer, amount: 1 });
    expect(await read('/again/commit', { customer, amount: 1 })).toEqual({ ...first, replayed: true });
    expect(await read('/again/commit', { customer, amount: '1.00' }, { at: 1 })).toEqual({ ...first, replayed: true });
    for (const at of [0, 1]) {
      expect(await failure('/again/commit', { customer, amount: 2 }, { at })).toMatchObject({
        status: 409,
        code: 'already_committed',
      });
      expect(await failure('/again/release', { customer }, { at })).toMatchObject({ code: 'already_committed' });
      expect(await failure('/again/heartbeat', { customer, ttlMs: 1_000 }, { at })).toMatchObject({
        code: 'already_committed',
      });
    }
    expect(await limitsOf(customer, 'chat')).toMatchObject({ total: { used: '505.25', reserved: '0' } });
  });

  it('that comes after the hold has expired is charged, and says so; a release then is refused', async () => {
    await call('', { ...hold, customer, id: 'late', ttlMs: 1 });
    await call('', { ...hold, customer, id: 'lapsed', ttlMs: 1 });
    await waitFor(async () => JSON.stringify(await limitsOf(customer, 'chat')).includes('"reserved":"0"'), {
      timeoutMs: 10_000,
      what: 'the holds to expire',
    });
    expect(await read('/late/commit', { customer, amount: 1 })).toMatchObject({ late: true, overrun: false });
    expect(await failure('/lapsed/release', { customer })).toMatchObject({ status: 409, code: 'reservation_expired' });
    expect(await failure('/lapsed/heartbeat', { customer, ttlMs: 9 })).toMatchObject({ code: 'reservation_expired' });
  });
});

describe('a release', () => {
  it('gives the hold back and charges nothing, once', async () => {
    const customer = 'umbrella';
    await call('', { ...hold, customer, id: 'back' });
    const first = await read('/back/release', { customer }, { at: 1 });
    expect(first).toMatchObject({
      status: 'released',
      id: 'back',
      feature: 'chat',
      remaining: '1000',
      replayed: false,
    });
    for (const at of [0, 1]) {
      expect(await read('/back/release', { customer }, { at })).toEqual({ ...first, replayed: true });
      expect(await failure('/back/commit', { customer, amount: 1 }, { at })).toMatchObject({
        status: 409,
        code: 'already_released',
      });
    }
    expect(await limitsOf(customer, 'chat')).toMatchObject({ total: { used: '0', reserved: '0' } });
  });
});

describe('a heartbeat', () => {
  it('keeps a slot of a concurrency limit, which a release frees', async () => {
    const slot = { customer: 'hooli', feature: 'jobs', amount: 0 };
    const first = await read('', { ...slot, id: 'job-1', ttlMs: 60_000 });
    expect(first).toMatchObject({ limits: { parallel: { kind: 'concurrency', slots: 2, inUse: 1, remaining: 1 } } });
    await call('', { ...slot, id: 'job-2' });
    expect(await read('', { ...slot, id: 'job-3' })).toMatchObject({
      allowed: false,
      deniedBy: ['parallel'],
      retryAfterMs: null,
    });
    const kept = await read('/job-1/heartbeat', { customer: 'hooli', ttlMs: 3_600_000 }, { at: 1 });
    expect(kept).toMatchObject({ status: 'held', id: 'job-1', limits: { parallel: { inUse: 2 } } });
    expect(Date.parse(String(kept.expiresAt))).toBeGreaterThan(Date.now() + 3_000_000);
    await call('/job-2/release', { customer: 'hooli' });
    expect(await read('', { ...slot, id: 'job-3' })).toMatchObject({ allowed: true });
  });
});

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
