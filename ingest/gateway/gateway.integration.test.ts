import { describe, expect, it } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { ADMIN_KEY } from '../http/edge-support.js';
import { type CallHow, useRealGateways } from './engine-support.js';
import { errorOf } from './gateway-support.js';

/** The gateway over the real engine and a real Redis. */

const CATALOG = `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.tokens, scale: 2 }
  - { id: calls, eventType: llm.request, aggregation: count }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: requests, kind: metered, meter: calls }
  - { id: sso, kind: boolean }
  - { id: seats, kind: config }
plans:
  - id: pro
    features:
      chat: { limits: [{ id: monthly, kind: quota, amount: 100000, window: { every: month }, warnAt: [50] }] }
      requests: { limits: [{ id: burst, kind: bucket, capacity: 10, refill: { amount: 1, everyMs: 60000 } }] }
      sso: true
      seats: 25
customers:
  - { id: acme, plan: pro, entities: [{ id: ann, features: { chat: { limits: [{ id: own, kind: quota, amount: 500, window: { every: day } }] } } }] }
  - { id: globex, plan: pro }
  - { id: initech, plan: pro }
  - { id: umbrella, plan: pro }
  - { id: hooli, plan: pro }
`;

const bench = useRealGateways(CATALOG);
const call = (path: string, body?: unknown, how?: CallHow): Promise<Response> => bench().call(path, body, how);
const read = (path: string, body?: unknown, how?: CallHow): Promise<Record<string, unknown>> =>
  bench().read(path, body, how);

describe('over the real engine', () => {
  it('a check is charged once, seen by every gateway, and shown in the usage', async () => {
    const asked = { customer: 'acme', feature: 'chat', amount: '1.25', id: 'c-1' };
    const first = await read('/v1/check', asked);
    expect(first).toMatchObject({
      allowed: true,
      reason: 'ok',
      amount: '1.25',
      remaining: '998.75',
      replayed: false,
      limits: { monthly: { kind: 'quota', included: '1000', used: '1.25', headroom: '998.75' } },
    });
    expect(await read('/v1/check', asked, { at: 1 })).toMatchObject({ allowed: true, replayed: true });
    expect(await errorOf(await call('/v1/check', { ...asked, amount: 2 }))).toMatchObject({
      status: 409,
      code: 'id_conflict',
      field: 'id',
    });
    expect(await read('/v1/customers/acme/usage', undefined, { at: 1 })).toMatchObject({
      customer: 'acme',
      features: {
        chat: { limits: { monthly: { used: '1.25' } } },
        requests: { limits: { burst: { capacity: 10, remaining: 10 } } },
      },
    });
  });

  it('amounts past the scale or the range are refused, and charge nothing', async () => {
    for (const amount of [-1, 0.001, '0.001', '90071992547409.92', 1e300, 'ten']) {
      const response = await call('/v1/check', { customer: 'globex', feature: 'chat', amount });
      expect(await errorOf(response)).toMatchObject({ status: 400, code: 'invalid_amount', field: 'amount' });
    }
    const usage = await read('/v1/customers/globex/usage');
    expect(usage).toMatchObject({ features: { chat: { limits: { monthly: { used: '0' } } } } });
  });

  it('an entity is charged with its customer, shown in its usage, and known only below its customer', async () => {
    const asked = { customer: 'acme', feature: 'chat', amount: 1, entity: 'ann' };
    const { limits } = await read('/v1/check', asked);
    expect(limits).toMatchObject({ 'ann/own': { included: '5', used: '1' } });
    expect(await read('/v1/customers/acme/usage?entity=ann', undefined, { at: 1 })).toMatchObject({
      features: { chat: { limits } },
    });
    const headers = { 'x-weir-entity': 'ann' };
    const gate = await call('/v1/gate?customer=acme&feature=chat&amount=4', undefined, { headers });
    expect([gate.status, gate.headers.get('ratelimit')]).toMatchObject([204, expect.stringContaining('"ann/own";r=0')]);
    expect((await call('/v1/gate?customer=acme&feature=chat&entity=ann')).status).toBe(429);

    const unknown = { status: 404, code: 'unknown_entity', field: 'entity' };
    const before = await read('/v1/customers/acme/usage?entity=ann');
    for (const stranger of [
      { ...asked, entity: 'eve' },
      { ...asked, customer: 'globex' },
    ]) {
      expect(await errorOf(await call('/v1/check', stranger))).toMatchObject(unknown);
      expect(await read('/v1/check/batch', { checks: [stranger] })).toMatchObject({
        results: [{ error: { code: 'unknown_entity', field: 'checks[0].entity' } }],
      });
    }
    expect(await errorOf(await call('/v1/gate?customer=acme&feature=chat&entity=eve'))).toMatchObject(unknown);
    expect(await errorOf(await call('/v1/customers/acme/usage?entity=eve'))).toMatchObject(unknown);
    expect(await errorOf(await call('/v1/customers/globex/usage?entity=ann'))).toMatchObject(unknown);
    expect(await errorOf(await call('/v1/customers/acme/usage?entity='))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      field: 'entity',
    });
    expect(await read('/v1/customers/acme/usage?entity=ann')).toEqual(before);
  });

  it('usage is shown also of customers who may use nothing now', async () => {
    const customer = { plan: 'pro', timezone: 'UTC' };
    const put = (changes: object): Promise<unknown> =>
      bench().registry.putObject('customer', 'stark', { ...customer, ...changes }, { owner: 'api', actor: 'test' });
    await put({});
    const asked = { customer: 'stark', feature: 'chat', amount: 3 };
    expect(await read('/v1/check', asked)).toMatchObject({ allowed: true });
    for (const [changes, reason] of [
      [{ status: 'suspended' }, 'suspended'],
      [{ endsAt: '2020-01-01T00:00:00Z' }, 'expired'],
      [{ startsAt: '2999-01-01T00:00:00Z' }, 'not_started'],
    ] as const) {
      await put(changes);
      expect(await read('/v1/check', asked)).toMatchObject({ allowed: false, reason });
      expect(await read('/v1/customers/stark/usage', undefined, { at: 1 })).toMatchObject({
        features: { chat: { limits: { monthly: { used: '3' } } } },
      });
    }
  });

  it('a bucket denies with the wait and the RateLimit fields', async () => {
    await call('/v1/check', { customer: 'acme', feature: 'requests', amount: 10 });
    const denied = await call('/v1/check', { customer: 'acme', feature: 'requests' });
    expect(denied.headers.get('ratelimit-policy')).toBe('"burst";q=10;w=600');
    expect(denied.headers.get('ratelimit')).toBe('"burst";r=0');
    const month = await call('/v1/check', { customer: 'acme', feature: 'chat', amount: 0 });
    expect(month.headers.get('ratelimit-policy')).toMatch(/^"monthly";q=100000;w=2(4192|5056|5920|6784)00$/);
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(await denied.json()).toMatchObject({ allowed: false, reason: 'limit_exceeded', deniedBy: ['burst'] });
    const headers = { 'x-weir-key': ADMIN_KEY };
    expect((await call('/v1/gate?customer=acme&feature=requests', undefined, { headers })).status).toBe(429);
    expect((await call('/v1/gate?customer=globex&feature=requests', undefined, { headers })).status).toBe(204);
    expect((await call('/v1/gate?customer=nobody&feature=requests', undefined, { headers })).status).toBe(403);
  });

  it('features without a meter answer their value', async () => {
    expect(await read('/v1/check', { customer: 'acme', feature: 'sso' })).toMatchObject({
      allowed: true,
      value: true,
    });
    expect(await read('/v1/check', { customer: 'acme', feature: 'seats' })).toMatchObject({
      allowed: true,
      value: 25,
    });
    const { features } = await read('/v1/customers/acme/entitlements');
    expect(features).toMatchObject({ sso: { entitled: true, value: true }, chat: { kind: 'metered' } });
  });

  it('a batch is decided in order, and an atomic one as a whole', async () => {
    const chat = (amount: unknown): Record<string, unknown> => ({ customer: 'initech', feature: 'chat', amount });
    const batch = await read('/v1/check/batch', { checks: [chat(600), chat('x'), chat(600), chat(400)] });
    expect(batch).toMatchObject({
      results: [
        { allowed: true },
        { error: { code: 'invalid_amount', field: 'checks[1].amount' } },
        { allowed: false },
        { allowed: true },
      ],
    });
    const atomic = await read('/v1/check/batch', { atomic: true, checks: [chat(0), chat(5)] });
    expect(atomic).toMatchObject({
      results: [
        { allowed: false, reason: 'batch_denied' },
        { allowed: false, reason: 'limit_exceeded' },
      ],
    });
  });

  it('a batch of more checks than one may carry is refused whole', async () => {
    const checks = Array.from({ length: 1_001 }, () => ({ customer: 'hooli', feature: 'chat', amount: 1 }));
    const many = { status: 422, code: 'too_many_items', field: 'checks' };
    expect(await errorOf(await call('/v1/check/batch', { checks }))).toMatchObject(many);
    const atomic = { atomic: true, checks: checks.slice(0, 101) };
    expect(await errorOf(await call('/v1/check/batch', atomic))).toMatchObject(many);
    const none = { status: 400, code: 'invalid_request', field: 'checks' };
    expect(await errorOf(await call('/v1/check/batch', { checks: [] }))).toMatchObject(none);
    const usage = await read('/v1/customers/hooli/usage');
    expect(usage).toMatchObject({ features: { chat: { limits: { monthly: { used: '0' } } } } });
    const { results } = await read('/v1/check/batch', { checks: checks.slice(0, 1_000) });
    expect(results).toHaveLength(1_000);
  });

  it('events are charged once each, whatever is wrong with their neighbours', async () => {
    const event = (id: string, changes: Record<string, unknown> = {}): Record<string, unknown> => ({
      specversion: '1.0',
      id,
      source: 's',
      type: 'llm.request',
      subject: 'umbrella',
      data: { tokens: 0.5 },
      ...changes,
    });
    const many = Array.from({ length: 10_000 }, (_, index) => event(`e-${index}`));
    const answer = await read('/v1/events', many);
    expect(answer).toEqual({ accepted: 10_000, duplicates: 0, rejected: [] });
    const again = await read(
      '/v1/events',
      [
        event('e-1'),
        event('bad-value', { data: { tokens: 0.001 } }),
        event('no-value', { data: {} }),
        event('no-meter', { type: 'other' }),
        event('ahead', { time: new Date(Date.now() + 3_600_000).toISOString() }),
        event('new'),
      ],
      { at: 1 },
    );
    expect(again).toMatchObject({
      accepted: 1,
      duplicates: 1,
      rejected: [
        { index: 1, id: 'bad-value', code: 'invalid_amount' },
        { index: 2, code: 'missing_value' },
        { index: 3, code: 'unknown_event_type' },
        { index: 4, code: 'time_in_future' },
      ],
    });
    expect(await read('/v1/customers/umbrella/usage')).toMatchObject({
      features: { chat: { limits: { monthly: { used: '5000.5' } } } },
    });
  });

  it('a revoked key is taken by no gateway any more', async () => {
    const created = await bench().keys.create({ scopes: ['check'] }, 'test');
    const ask = (at: number): Promise<Response> =>
      call('/v1/check', { customer: 'acme', feature: 'sso' }, { key: created.key, at });
    for (const at of [0, 1])
      await waitFor(async () => (await ask(at)).status === 200, { timeoutMs: 5_000, what: 'the key' });
    await bench().keys.revoke(created.info.id, 'test');
    expect([(await ask(0)).status, (await ask(1)).status]).toEqual([401, 401]);
  });

  it('is ready, and says so', async () => {
    expect(await read('/readyz')).toEqual({ ready: true, problems: [] });
  });

  it('a value that cannot be spelled spoils no other event', async () => {
    const event = (id: string, tokens: unknown) => ({ id, type: 'llm.request', subject: 'hooli', data: { tokens } });
    const odd: unknown[] = [{ toString: 1 }, { toString: 'x', valueOf: null }, [[]], null];
    const events = [event('good', 1), ...odd.map((value, index) => event(`odd-${index}`, value))];
    const { accepted, rejected } = await read('/v1/events', events);
    expect(accepted).toBe(1);
    expect(rejected).toHaveLength(odd.length);
  });
});
