import { describe, expect, it } from 'vitest';
import { errorOf, useGateway } from './gateway-support.js';

const bench = useGateway();
const gate = (path: string, headers: Record<string, string> = {}, method = 'GET', key = ''): Promise<Response> =>
  bench().call(path, { method, key, headers: { 'x-weir-key': 'key-check', ...headers } });
const asked = { 'x-weir-customer': 'acme', 'x-weir-feature': 'chat' };

describe('/v1/gate', () => {
  it('lets through with 204, by headers or query, and charges', async () => {
    bench().engine.used.set('acme', 0);
    const response = await gate('/v1/gate', { ...asked, 'x-weir-amount': '3' });
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(response.headers.get('ratelimit')).toMatch(/^"monthly";r=997/);
    expect((await gate('/v1/gate?customer=acme&feature=chat&amount=7')).status).toBe(204);
    expect((await gate('/v1/gate?feature=chat', { 'x-weir-customer': 'acme' })).status).toBe(204);
    expect(bench().engine.used.get('acme')).toBe(11);
  });

  it('takes any method and any rest of the path', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']) {
      expect((await gate('/v1/gate', asked, method)).status, method).toBe(204);
      expect((await gate('/v1/gate/some/path?x=1', asked, method)).status, method).toBe(204);
    }
    expect((await gate('/v1/gate/', asked)).status).toBe(204);
  });

  it('says 429 over a limit, or 403 where the proxy wants it', async () => {
    const denied = await gate('/v1/gate', { ...asked, 'x-weir-amount': '5000' });
    expect([denied.status, denied.headers.get('retry-after'), denied.headers.get('x-weir-reason')]).toEqual([
      429,
      '2',
      'limit_exceeded',
    ]);
    expect(denied.headers.get('ratelimit-policy')).toBe('"monthly";q=1000;w=2592000, "burst";q=100;w=10');
    expect(await denied.json()).toEqual({
      allowed: false,
      reason: 'limit_exceeded',
      deniedBy: ['monthly'],
      retryAfterMs: 1_500,
    });
    expect((await gate('/v1/gate?deny=403', { ...asked, 'x-weir-amount': '5000' })).status).toBe(403);
  });

  it('says 403 to who is not entitled or not known', async () => {
    for (const changes of [
      { 'x-weir-feature': 'audit' },
      { 'x-weir-feature': 'nothing' },
      { 'x-weir-customer': 'nobody' },
    ]) {
      expect((await gate('/v1/gate', { ...asked, ...changes })).status).toBe(403);
    }
    expect(
      await errorOf(await gate('/v1/gate', { ...asked, 'x-weir-key': 'key-acme', 'x-weir-customer': 'globex' })),
    ).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('takes the key from x-weir-key, since Authorization is the end user’s', async () => {
    expect((await gate('/v1/gate', { ...asked, authorization: 'Bearer of-the-end-user' })).status).toBe(204);
    expect((await gate('/v1/gate', { ...asked, 'x-weir-key': '' })).status).toBe(401);
    expect((await gate('/v1/gate', { ...asked, 'x-weir-key': 'wrong' })).status).toBe(401);
  });

  it.each([
    ['/v1/gate', {}, 'invalid_request', 'customer'],
    ['/v1/gate?customer=acme', {}, 'invalid_request', 'feature'],
    ['/v1/gate?amount=-1', asked, 'invalid_amount', 'amount'],
    ['/v1/gate?amount=ten', asked, 'invalid_amount', 'amount'],
    ['/v1/gate?amount=', asked, 'invalid_amount', 'amount'],
    ['/v1/gate?amount=1.5', asked, 'invalid_amount', 'amount'],
    ['/v1/gate?amount=9007199254740992', asked, 'invalid_amount', 'amount'],
    ['/v1/gate?amount=1&amount=2', asked, 'invalid_request', 'amount'],
    ['/v1/gate?deny=500', asked, 'invalid_request', 'deny'],
  ])('refuses %s with %j', async (path, headers, code, field) => {
    expect(await errorOf(await gate(path, headers))).toMatchObject({ status: 400, code, field });
  });

  it('does not let the end user’s query undo the proxy’s headers', async () => {
    bench().engine.used.set('acme', 0);
    await gate('/v1/gate/page?amount=0&customer=globex&entity=x', asked);
    expect(bench().engine.used.get('acme')).toBe(1);
    await gate('/v1/gate?customer=globex', asked);
    expect(bench().engine.used.get('acme')).toBe(2);
    const twice = await fetch(`http://127.0.0.1:${bench().port}/v1/gate`, {
      headers: [
        ['x-weir-key', 'key-check'],
        ['x-weir-customer', 'acme'],
        ['x-weir-customer', 'globex'],
        ['x-weir-feature', 'chat'],
      ],
    });
    expect(twice.status).toBe(403);
  });

  it('does not read the body that a proxy sends along', async () => {
    const response = await bench().call('/v1/gate', { method: 'POST', body: 'x'.repeat(3_000_000), headers: asked });
    expect(response.status).toBe(204);
  });

  it('is 503 when the decision is not available', async () => {
    expect(await errorOf(await gate('/v1/gate', { ...asked, 'x-weir-feature': 'down' }))).toMatchObject({
      status: 503,
    });
  });
});

describe('GET /v1/customers/{id}', () => {
  it('shows the live counters and the entitlements', async () => {
    bench().engine.used.set('acme', 40);
    const usage = await bench().call('/v1/customers/acme/usage');
    expect(await usage.json()).toMatchObject({
      customer: 'acme',
      version: 7,
      features: {
        chat: { limits: { monthly: { used: 40, resetAt: '2099-01-01T00:00:00.000Z' }, burst: { remaining: 100 } } },
      },
    });
    const entitlements = await bench().call('/v1/customers/acme/entitlements');
    expect(await entitlements.json()).toMatchObject({
      customer: 'acme',
      plan: 'pro',
      features: { sso: { entitled: true } },
    });
  });

  it('refuses strangers and unknown customers', async () => {
    expect(await errorOf(await bench().call('/v1/customers/nobody/usage'))).toMatchObject({
      status: 404,
      code: 'unknown_customer',
    });
    expect((await bench().call('/v1/customers/globex/usage', { key: 'key-acme' })).status).toBe(403);
    expect((await bench().call('/v1/customers/acme/usage', { key: 'key-check' })).status).toBe(403);
    expect(await errorOf(await bench().call('/v1/customers/acme/usage?entitty=x'))).toMatchObject({
      status: 400,
      code: 'unknown_field',
    });
  });
});

describe('the data plane', () => {
  it('documents all its routes', async () => {
    const document = (await (await bench().call('/openapi.json')).json()) as { paths: Record<string, unknown> };
    expect(Object.keys(document.paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/v1/check',
      '/v1/check/batch',
      '/v1/customers/{id}/entitlements',
      '/v1/customers/{id}/usage',
      '/v1/events',
      '/v1/gate',
      '/v1/reservations',
      '/v1/reservations/{id}/commit',
      '/v1/reservations/{id}/heartbeat',
      '/v1/reservations/{id}/release',
    ]);
    expect(JSON.stringify(document)).not.toContain('undefined');
  });

  it('says that it lives and is ready', async () => {
    expect(await (await bench().call('/healthz')).json()).toEqual({ status: 'ok' });
    expect(await (await bench().call('/readyz')).json()).toEqual({ ready: true, problems: [] });
  });
});
