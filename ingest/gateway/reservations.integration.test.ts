import { describe, expect, it } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { WeirClient } from '../client/index.js';
import { ADMIN_KEY } from '../http/edge-support.js';
import { hold, useReservations } from './reservation-support.js';

/** Reservations over HTTP; two gateways, since a commit may come to the one that did not reserve. */

const { bench, call, read, failure, limitsOf } = useReservations();

describe('a reservation', () => {
  it('is a decision, and a hold under the id it was given', async () => {
    const before = Date.now();
    const response = await call('', { ...hold, id: 'r1', ttlMs: 30_000 });
    expect(response.status).toBe(200);
    expect(response.headers.get('ratelimit-policy')).toBe('"total";q=100000');
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
    expect(reservation).toMatchObject({ id: expect.stringMatching(/^rsv_[0-9a-f-]{36}$/) });
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

describe('the client SDK', () => {
  it('speaks of holds as the gateway does', async () => {
    const client = new WeirClient({ url: bench().gateways[1]?.url ?? '', key: ADMIN_KEY });
    const customer = 'umbrella';
    const { reservation } = await client.reserve({ customer, feature: 'jobs', amount: 1 });
    const held = { id: reservation?.id ?? '', customer };
    expect(await client.heartbeat({ ...held, ttlMs: 5_000 })).toMatchObject({ limits: { parallel: { inUse: 1 } } });
    expect(await client.commit({ ...held, amount: 2 })).toMatchObject({
      status: 'committed',
      overrun: true,
      amount: 2,
    });
    await expect(client.release(held)).rejects.toMatchObject({ code: 'already_committed', status: 409 });
    const next = await client.reserve({ customer, feature: 'jobs', amount: 1, id: 'sdk' });
    expect(next.limits.parallel).toEqual({ kind: 'concurrency', slots: 2, inUse: 1, remaining: 1 });
    expect(await client.release({ id: 'sdk', customer })).toMatchObject({ status: 'released', feature: 'jobs' });
  });
});
