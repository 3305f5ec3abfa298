import { describe, expect, it } from 'vitest';
import { DECISION, failed, failure, hangUp, json, serve, useServers } from './client-support.js';

useServers();

const parallel = { kind: 'concurrency', slots: 3, inUse: 1, remaining: 2 };
const RESERVED = {
  ...DECISION,
  limits: { parallel },
  reservation: { id: 'r1', amount: '2.5', expiresAt: '2026-11-01T00:00:00.000Z' },
};
const HOLD = {
  id: 'r1',
  replayed: false,
  customer: 'acme',
  feature: 'chat',
  remaining: 9,
  resetAt: null,
  warnings: [],
  limits: { parallel },
  version: 3,
  addedByANewerServer: true,
};
const COMMITTED = { ...HOLD, status: 'committed', late: false, overrun: true, amount: '3' };
const hold = { id: 'a/b ü', customer: 'acme' };

describe('a reservation', () => {
  it('is made under the id it is given, and answers the decision with its hold', async () => {
    const { client, seen } = await serve([json(200, RESERVED)]);
    const request = { id: 'r1', customer: 'acme', feature: 'chat', amount: '2.5', ttlMs: 1_000, entity: 'ann' };
    expect(await client.reserve(request)).toEqual(RESERVED);
    expect(seen[0]).toMatchObject({ method: 'POST', path: '/v1/reservations' });
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual(request);
  });

  it('without an id gets one before it is sent, the same one however often that is', async () => {
    const { client, seen } = await serve([hangUp, failure('overloaded'), json(200, RESERVED)]);
    await client.reserve({ customer: 'acme', feature: 'chat', amount: 1 });
    const ids = seen.map(({ body }) => (JSON.parse(body) as { id: string }).id);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^rsv_[0-9a-f]{32}$/);
    const other = await serve([json(200, RESERVED)]);
    await other.client.reserve({ customer: 'acme', feature: 'chat', amount: 1 });
    expect(other.seen[0]?.body).not.toContain(ids[0]);
  });

  it('that is denied is an answer without a hold', async () => {
    const { client } = await serve([json(200, { ...DECISION, allowed: false, reason: 'limit_exceeded' })]);
    const answer = await client.reserve({ customer: 'acme', feature: 'chat', amount: 1 });
    expect([answer.allowed, answer.reservation]).toEqual([false, undefined]);
  });
});

describe('a hold', () => {
  it('is committed, released and kept at its encoded address', async () => {
    const { client, seen } = await serve([
      json(200, COMMITTED),
      json(200, { ...HOLD, status: 'released' }),
      json(200, { ...HOLD, status: 'held', expiresAt: '2026-11-01T00:00:00.000Z' }),
    ]);
    expect(await client.commit({ ...hold, amount: '3' })).toEqual(COMMITTED);
    expect(await client.release(hold)).toMatchObject({ status: 'released' });
    expect(await client.heartbeat({ ...hold, ttlMs: 5_000 })).toMatchObject({ expiresAt: '2026-11-01T00:00:00.000Z' });
    expect(seen.map(({ path, body }) => [path, JSON.parse(body)])).toEqual([
      ['/v1/reservations/a%2Fb%20%C3%BC/commit', { customer: 'acme', amount: '3' }],
      ['/v1/reservations/a%2Fb%20%C3%BC/release', { customer: 'acme' }],
      ['/v1/reservations/a%2Fb%20%C3%BC/heartbeat', { customer: 'acme', ttlMs: 5_000 }],
    ]);
  });

  it('is settled again when the answer was lost, since Weir knows it by its id', async () => {
    const { client, seen } = await serve([hangUp, json(200, { ...COMMITTED, replayed: true })]);
    expect(await client.commit({ ...hold, amount: 3 })).toMatchObject({ replayed: true });
    expect(seen.length).toBe(2);
  });

  it('that is gone is an error, and not asked for again', async () => {
    const { client, seen } = await serve([failure('reservation_expired')]);
    expect(await failed(client.release(hold))).toMatchObject({ code: 'reservation_expired', status: 409 });
    expect(await failed(client.heartbeat({ ...hold, ttlMs: 1 }))).toMatchObject({ code: 'reservation_expired' });
    expect(seen.length).toBe(2);
  });
});
