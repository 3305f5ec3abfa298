import { connect } from 'node:net';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatalogRegistry, connectRedis, createEngine, KeyService, parseCatalog } from '../../engine/index.js';
import { packageRoot } from '../../engine/platform/assets.js';
import { type Child, startChild } from '../../loadtest/harness/child.js';
import { freePorts } from '../../loadtest/harness/ports.js';
import { type Service, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { ADMIN_KEY, rawExchange } from '../http/edge-support.js';
import { errorOf } from './gateway-support.js';
import { startGateway } from './start.js';

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
  - { id: acme, plan: pro }
  - { id: globex, plan: pro }
  - { id: initech, plan: pro }
  - { id: umbrella, plan: pro }
`;

let redis: Service;
let keys: KeyService;
const closers: (() => unknown)[] = [];
/** Two gateways, each with an engine and a view of its own. */
const urls: string[] = [];

beforeAll(async () => {
  redis = await startRedis({ appendonly: true });
  const client = connectRedis(redis.url);
  closers.push(() => client.disconnect());
  const registry = new CatalogRegistry(client);
  await registry.initialise({ shards: 1 });
  const applied = await registry.apply(parseCatalog(CATALOG), { owner: 'file', actor: 'file:test.yaml' });
  expect(applied.status).toBe('applied');
  keys = new KeyService(registry);
  for (let index = 0; index < 2; index++) {
    const engine = await createEngine({ redis: redis.url, storeTimeoutMs: 2_000 });
    const gateway = await startGateway({
      engine,
      keys: engine.view,
      host: '127.0.0.1',
      port: 0,
      adminKey: ADMIN_KEY,
      registry: new Registry(),
      log: { error: (...args: unknown[]) => console.error(...args) },
    });
    closers.unshift(
      () => gateway.close(),
      () => engine.close(),
    );
    urls.push(`http://127.0.0.1:${gateway.port}`);
  }
});
afterAll(async () => {
  for (const close of closers) await close();
  await redis.stop();
});

const call = (path: string, body?: unknown, { key = ADMIN_KEY, at = 0, headers = {} } = {}): Promise<Response> =>
  fetch(`${urls[at]}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const read = async (response: Promise<Response>): Promise<Record<string, unknown>> =>
  (await (await response).json()) as Record<string, unknown>;

describe('over the real engine', () => {
  it('a check is charged once, seen by every gateway, and shown in the usage', async () => {
    const asked = { customer: 'acme', feature: 'chat', amount: '1.25', id: 'c-1' };
    const first = await read(call('/v1/check', asked));
    expect(first).toMatchObject({
      allowed: true,
      reason: 'ok',
      amount: '1.25',
      remaining: '998.75',
      replayed: false,
      limits: { monthly: { kind: 'quota', included: '1000', used: '1.25', headroom: '998.75' } },
    });
    expect(await read(call('/v1/check', asked, { at: 1 }))).toMatchObject({ allowed: true, replayed: true });
    expect(await errorOf(await call('/v1/check', { ...asked, amount: 2 }))).toMatchObject({
      status: 409,
      code: 'id_conflict',
      field: 'id',
    });
    expect(await read(call('/v1/customers/acme/usage', undefined, { at: 1 }))).toMatchObject({
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
    const usage = await read(call('/v1/customers/globex/usage'));
    expect(usage).toMatchObject({ features: { chat: { limits: { monthly: { used: '0' } } } } });
  });

  it('a bucket denies with the wait and the RateLimit fields', async () => {
    await call('/v1/check', { customer: 'acme', feature: 'requests', amount: 10 });
    const denied = await call('/v1/check', { customer: 'acme', feature: 'requests' });
    expect(denied.headers.get('ratelimit-policy')).toBe('"burst";q=10');
    expect(denied.headers.get('ratelimit')).toBe('"burst";r=0');
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(await denied.json()).toMatchObject({ allowed: false, reason: 'limit_exceeded', deniedBy: ['burst'] });
    const headers = { 'x-weir-key': ADMIN_KEY };
    expect((await call('/v1/gate?customer=acme&feature=requests', undefined, { headers })).status).toBe(429);
    expect((await call('/v1/gate?customer=globex&feature=requests', undefined, { headers })).status).toBe(204);
    expect((await call('/v1/gate?customer=nobody&feature=requests', undefined, { headers })).status).toBe(403);
  });

  it('features without a meter answer their value', async () => {
    expect(await read(call('/v1/check', { customer: 'acme', feature: 'sso' }))).toMatchObject({
      allowed: true,
      value: true,
    });
    expect(await read(call('/v1/check', { customer: 'acme', feature: 'seats' }))).toMatchObject({
      allowed: true,
      value: 25,
    });
    const { features } = await read(call('/v1/customers/acme/entitlements'));
    expect(features).toMatchObject({ sso: { entitled: true, value: true }, chat: { kind: 'metered' } });
  });

  it('a batch is decided in order, and an atomic one as a whole', async () => {
    const chat = (amount: unknown): Record<string, unknown> => ({ customer: 'initech', feature: 'chat', amount });
    const batch = await read(call('/v1/check/batch', { checks: [chat(600), chat('x'), chat(600), chat(400)] }));
    expect(batch).toMatchObject({
      results: [
        { allowed: true },
        { error: { code: 'invalid_amount', field: 'checks[1].amount' } },
        { allowed: false },
        { allowed: true },
      ],
    });
    const atomic = await read(call('/v1/check/batch', { atomic: true, checks: [chat(0), chat(5)] }));
    expect(atomic).toMatchObject({
      results: [
        { allowed: false, reason: 'batch_denied' },
        { allowed: false, reason: 'limit_exceeded' },
      ],
    });
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
    const answer = await read(call('/v1/events', many));
    expect(answer).toEqual({ accepted: 10_000, duplicates: 0, rejected: [] });
    const again = await read(
      call(
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
      ),
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
    expect(await read(call('/v1/customers/umbrella/usage'))).toMatchObject({
      features: { chat: { limits: { monthly: { used: '5000.5' } } } },
    });
  });

  it('a revoked key is taken by no gateway any more', async () => {
    const created = await keys.create({ scopes: ['check'] }, 'test');
    const ask = (at: number): Promise<Response> =>
      call('/v1/check', { customer: 'acme', feature: 'sso' }, { key: created.key, at });
    for (const at of [0, 1])
      await waitFor(async () => (await ask(at)).status === 200, { timeoutMs: 5_000, what: 'the key' });
    await keys.revoke(created.info.id, 'test');
    expect([(await ask(0)).status, (await ask(1)).status]).toEqual([401, 401]);
  });

  it('is ready, and says so', async () => {
    expect(await read(call('/readyz'))).toEqual({ ready: true, problems: [] });
  });
});

describe('the process', () => {
  let child: Child;
  let port = 0;
  const start = async (): Promise<void> => {
    [port = 0] = await freePorts(1);
    child = await startChild(process.execPath, [join(packageRoot(), 'dist/ingest/gateway/main.js')], {
      env: {
        ...process.env,
        REDIS_URL: redis.url,
        WEIR_PORT: String(port),
        WEIR_ADMIN_KEY: ADMIN_KEY,
        WEIR_LOG_LEVEL: 'warn',
      },
    });
    await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, {
      timeoutMs: 30_000,
      what: 'the gateway',
    });
  };

  it('outlives rude clients, and ends cleanly on SIGTERM with what it accepted answered', async () => {
    await start();
    const body = '{"customer":"acme","feature":"sso"}';
    const request = `POST /v1/check HTTP/1.1\r\nhost: x\r\nx-weir-key: ${ADMIN_KEY}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const attacks = [
      [Buffer.alloc(10_000, 7)],
      [request.repeat(100)],
      [request.slice(0, -3)],
      [`GET /${'a'.repeat(300_000)} HTTP/1.1\r\n\r\n`],
    ];
    await Promise.all(
      Array.from({ length: 25 }, () => attacks)
        .flat()
        .map((pieces) => rawExchange(port, pieces, { settleMs: 20 })),
    );
    expect(child.status(), child.output()).toBeUndefined();

    const answers: Promise<number>[] = [];
    const ask = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/v1/check`, {
        method: 'POST',
        headers: { 'x-weir-key': ADMIN_KEY },
        body: '{"customer":"acme","feature":"chat","amount":0}',
      });
      await response.text();
      return response.status;
    };
    for (let index = 0; index < 200; index++) answers.push(ask());
    await answers[0];
    child.signal('SIGTERM');
    const settled = await Promise.allSettled(answers);
    // Those already connected are answered; those still connecting find the port closed. None hears an error.
    expect(settled.filter((one) => one.status === 'fulfilled' && one.value !== 200)).toEqual([]);
    expect(await child.exited, child.output()).toBe(0);
    await expect(
      new Promise((resolve, reject) => connect(port, '127.0.0.1', () => resolve('open')).on('error', reject)),
    ).rejects.toThrow();
  });
});
