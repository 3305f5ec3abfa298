import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawExchange } from '../http/edge-support.js';
import { errorOf, useGateway } from './gateway-support.js';

const bench = useGateway();
const check = (body: unknown, key?: string, headers: Record<string, string> = {}): Promise<Response> =>
  bench().call('/v1/check', { body, headers, ...(key === undefined ? {} : { key }) });
const ask = { customer: 'acme', feature: 'chat' };

describe('POST /v1/check', () => {
  it('answers the contract, field by field and in its order', async () => {
    bench().engine.used.set('acme', 100);
    const response = await check({ ...ask, amount: 700 });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({
      allowed: true,
      reason: 'ok',
      customer: 'acme',
      feature: 'chat',
      amount: 700,
      remaining: 200,
      resetAt: '2099-01-01T00:00:00.000Z',
      retryAfterMs: 0,
      deniedBy: [],
      warnings: [{ limit: 'monthly', threshold: 80 }],
      replayed: false,
      degraded: false,
      version: 7,
      limits: {
        monthly: {
          kind: 'quota',
          included: 1_000,
          used: 800,
          reserved: 0,
          overage: 0,
          remaining: 200,
          headroom: 200,
          resetAt: '2099-01-01T00:00:00.000Z',
        },
        burst: { kind: 'bucket', capacity: 100, remaining: 100 },
      },
    });
    const keys = [...text.matchAll(/"(\w+)":/g)].map((match) => match[1]);
    expect(keys.slice(0, 9)).toEqual([
      'allowed',
      'reason',
      'customer',
      'feature',
      'amount',
      'remaining',
      'resetAt',
      'retryAfterMs',
      'deniedBy',
    ]);
  });

  it('carries the RateLimit fields, and Retry-After on a denial', async () => {
    bench().engine.used.set('acme', 0);
    const admitted = await check({ ...ask, amount: 1 });
    expect(admitted.headers.get('ratelimit-policy')).toBe('"monthly";q=1000;w=2592000, "burst";q=100;w=10');
    expect(admitted.headers.get('ratelimit')).toMatch(/^"monthly";r=999;t=\d+, "burst";r=100$/);
    expect(admitted.headers.get('retry-after')).toBeNull();
    const denied = await check({ ...ask, amount: 5_000 });
    expect([denied.status, denied.headers.get('retry-after')]).toEqual([200, '2']);
    expect(await denied.json()).toMatchObject({
      allowed: false,
      reason: 'limit_exceeded',
      deniedBy: ['monthly'],
      retryAfterMs: 1_500,
      amount: 5_000,
    });
  });

  it('shows amounts of a scaled meter as decimals', async () => {
    bench().engine.scale = 2;
    bench().engine.used.set('acme', 0);
    const body = await (await check({ ...ask, amount: '1.25' })).json();
    bench().engine.scale = 0;
    expect(body).toMatchObject({
      amount: '1.25',
      remaining: '8.75',
      limits: { monthly: { used: '1.25', reserved: '0' } },
    });
  });

  it('answers boolean and config features with their value, others with the reason', async () => {
    expect(await (await check({ ...ask, feature: 'sso' })).json()).toMatchObject({
      allowed: true,
      value: true,
      limits: {},
    });
    expect(await (await check({ ...ask, feature: 'seats' })).json()).toMatchObject({ allowed: true, value: 25 });
    expect(await (await check({ ...ask, feature: 'audit' })).json()).toMatchObject({
      reason: 'not_entitled',
      retryAfterMs: null,
    });
    expect(await (await check({ ...ask, feature: 'x' })).json()).toMatchObject({
      reason: 'unknown_feature',
      allowed: false,
    });
    expect(await (await check({ ...ask, customer: 'ü"\\' })).json()).toMatchObject({
      reason: 'unknown_customer',
      customer: 'ü"\\',
    });
  });

  it.each([
    ['{"customer":', 'invalid_json', undefined],
    ['', 'invalid_json', undefined],
    ['[]', 'invalid_request', undefined],
    ['"text"', 'invalid_request', undefined],
    ['{"feature":"chat"}', 'invalid_request', 'customer'],
    ['{"customer":1,"feature":"chat"}', 'invalid_request', 'customer'],
    ['{"customer":"","feature":"chat"}', 'invalid_request', 'customer'],
    [`{"customer":"${'c'.repeat(257)}","feature":"chat"}`, 'invalid_request', 'customer'],
    ['{"customer":"a\\u0000","feature":"chat"}', 'invalid_request', 'customer'],
    ['{"customer":"acme","feature":"chat","amuont":5}', 'unknown_field', 'amuont'],
    ['{"customer":"acme","feature":"chat","__proto__":5}', 'unknown_field', '__proto__'],
    ['{"customer":"acme","feature":"chat","dryRun":"yes"}', 'invalid_request', 'dryRun'],
    ['{"customer":"acme","feature":"chat","dimensions":{"a":1}}', 'invalid_request', 'dimensions.a'],
    ['{"customer":"acme","feature":"chat","amount":-1}', 'invalid_amount', 'amount'],
    ['{"customer":"acme","feature":"chat","amount":1.5}', 'invalid_amount', 'amount'],
    ['{"customer":"acme","feature":"chat","amount":9007199254740992}', 'invalid_amount', 'amount'],
    ['{"customer":"acme","feature":"chat","amount":1e999}', 'invalid_amount', 'amount'],
    ['{"customer":"acme","feature":"chat","amount":"9007199254740992"}', 'invalid_amount', 'amount'],
    ['{"customer":"acme","feature":"chat","amount":"ten"}', 'invalid_amount', 'amount'],
    ['{"customer":"acme","feature":"chat","amount":null}', 'invalid_amount', 'amount'],
    ['{"customer":"acme","feature":"chat","amount":[1]}', 'invalid_amount', 'amount'],
  ])('refuses %s as %s', async (body, code, field) => {
    const error = await errorOf(await check(body));
    expect(error).toMatchObject({ status: 400, code, docs: `docs/errors.md#${code}` });
    expect(error.field).toBe(field);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const body = Buffer.concat([Buffer.from('{"customer":"'), Buffer.from([0xff]), Buffer.from('","feature":"chat"}')]);
    expect(await errorOf(await check(body))).toMatchObject({ status: 400, code: 'invalid_json' });
  });

  it('needs a key that is known and may check', async () => {
    expect(await errorOf(await check(ask, ''))).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(await errorOf(await check(ask, 'wrong'))).toMatchObject({ status: 401, code: 'invalid_key' });
    expect(await errorOf(await check(ask, 'key-read'))).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await check(ask, 'key-acme')).status).toBe(200);
    expect(await errorOf(await check({ ...ask, customer: 'globex' }, 'key-acme'))).toMatchObject({
      status: 403,
      code: 'forbidden',
      field: 'customer',
    });
    expect((await check(ask, 'someone', { 'x-weir-key': 'key-check' })).status).toBe(200);
  });

  it('says what the engine says of a failure, and keeps a fault to itself', async () => {
    const down = await check({ ...ask, feature: 'down' });
    expect(down.headers.get('retry-after')).toBe('1');
    expect(await errorOf(down)).toMatchObject({ status: 503, code: 'store_unavailable' });
    expect(await errorOf(await check({ ...ask, feature: 'conflict' }))).toMatchObject({
      status: 409,
      code: 'id_conflict',
    });
    expect(await errorOf(await check({ ...ask, feature: 'bug' }))).toMatchObject({ status: 500, code: 'internal' });
    expect(bench().faults.length).toBeGreaterThan(0);
  });

  it('takes gzip, and bodies in pieces', async () => {
    expect((await check(gzipSync(JSON.stringify(ask)), undefined, { 'content-encoding': 'gzip' })).status).toBe(200);
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    expect(await errorOf(await check(bomb))).toMatchObject({ status: 413, code: 'body_too_large' });
    const body = JSON.stringify(ask);
    const { text } = await rawExchange(bench().port, [
      `POST /v1/check HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ncontent-length: ${body.length}\r\n\r\n`,
      body.slice(0, 1),
      body.slice(1, 20),
      body.slice(20),
    ]);
    expect(text).toContain('"allowed":true');
  });

  it('refuses a body that is too large, or never ends', async () => {
    expect(await errorOf(await check(' '.repeat(70_000)))).toMatchObject({ status: 413, code: 'body_too_large' });
    expect((await check(' '.repeat(20_000_000))).status).toBe(413);
    const head = 'POST /v1/check HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ncontent-length: 50\r\n\r\n';
    const { text, closed } = await rawExchange(bench().port, [head, '{'], { settleMs: 5_000 });
    expect(text).toContain('"body_timeout"');
    expect(closed).toBe(true);
    const { text: silent } = await rawExchange(bench().port, [head], { settleMs: 5_000 });
    expect(silent).toContain('408 Request Timeout');
  });

  it('knows its methods', async () => {
    const response = await bench().call('/v1/check');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('outlives clients that misbehave', async () => {
    const body = JSON.stringify(ask);
    const request = `POST /v1/check HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const attacks = [
      [request.repeat(50)],
      [request.slice(0, 60)],
      [request.slice(0, -5)],
      [`${request}garbage after the body`],
      [Buffer.alloc(100_000, 0x80)],
      [request.replace('content-length', 'transfer-encoding: chunked\r\ncontent-length')],
      [request, request],
      // uWS calls us, and then finds that it does not like the head: no body ever comes.
      [request.replace('content-length: ', 'content-length: 5 ')],
      [request.replace(/content-length: \d+/, 'transfer-encoding: identity')],
    ];
    await Promise.all(
      [...attacks, ...attacks].map((pieces) => rawExchange(bench().port, pieces, { gapMs: 1, settleMs: 20 })),
    );
    expect((await check(ask)).status).toBe(200);
  });

  it('is counted by reason', async () => {
    const text = await (await bench().call('/metrics')).text();
    expect(text).toMatch(/weir_decisions_total\{reason="ok"\} [1-9]/);
    expect(text).toMatch(/weir_decisions_total\{reason="limit_exceeded"\} [1-9]/);
    expect(text).toMatch(/weir_http_requests_total\{route="\/v1\/check",method="POST",status="200"\} [1-9]/);
    expect(text).toMatch(/weir_http_requests_in_flight 1\n/);
    expect(text).toMatch(/weir_http_body_bytes 0\n/);
  });
});
