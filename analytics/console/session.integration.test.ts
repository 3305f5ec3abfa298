import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADMIN_KEY,
  CHECK_KEY,
  type FixtureServer,
  READ_KEY,
  startFixtureServer,
} from './test-support/fixture-server.js';

let server: FixtureServer;
beforeAll(async () => {
  server = await startFixtureServer();
});
afterAll(() => server.close());

const ours = { 'sec-fetch-site': 'same-origin', 'x-weir-console': '1' };

function request(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  return fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

const signIn = (key: string, headers: Record<string, string> = {}, body = '{}') =>
  request('POST', '/v1/session', { authorization: `Bearer ${key}`, ...headers }, body);

/** `name=value` of the cookie that an answer sets. */
const cookieOf = (response: Response): string => response.headers.get('set-cookie')?.split(';')[0] ?? '';

describe('a session', () => {
  it('is opened by a key that may read, and reads what the key reads', async () => {
    const opened = await signIn(READ_KEY);
    expect(opened.status).toBe(200);
    expect(await opened.json()).toMatchObject({ session: { key: { id: 'support', scopes: ['read'] } } });
    expect(opened.headers.get('set-cookie')).toMatch(
      /^weir_session_\d+=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    const cookie = cookieOf(opened);
    expect((await request('GET', '/v1/reports/near-limits', { cookie })).status).toBe(200);
    expect(await (await request('GET', '/v1/session', { cookie })).json()).toMatchObject({
      session: { key: { id: 'support' } },
    });
  });

  it('is opened by the operator, whose cookie is for TLS only where a proxy speaks TLS', async () => {
    const opened = await signIn(ADMIN_KEY, { 'x-forwarded-proto': 'https' });
    expect(opened.headers.get('set-cookie')).toContain('; Secure');
    expect((await request('GET', '/v1/audit', { cookie: cookieOf(opened) })).status).toBe(200);
  });

  it.each([
    ['no key', '', 401],
    ['an unknown key', 'nobody', 401],
    ['a key that may not read', CHECK_KEY, 403],
  ])('is not opened by %s', async (_, key, status) => {
    const response = await signIn(key);
    expect(response.status).toBe(status);
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('is not opened by another session', async () => {
    const cookie = cookieOf(await signIn(READ_KEY));
    expect((await request('POST', '/v1/session', { cookie, ...ours }, '{}')).status).toBe(401);
  });

  it('refuses a body with anything in it', async () => {
    expect((await signIn(READ_KEY, {}, '{"key":1}')).status).toBe(400);
  });

  it('of another Weir on this machine is left alone', async () => {
    const cookie = cookieOf(await signIn(READ_KEY));
    const foreign = `weir_session_1=${'x'.repeat(43)}; theme=dark; ${cookie}`;
    expect((await request('GET', '/v1/reports/near-limits', { cookie: foreign })).status).toBe(200);
    expect((await request('GET', '/v1/reports/near-limits', { cookie: 'weir_session_1=x' })).status).toBe(401);
  });

  it('ends on the way out, by our own pages only', async () => {
    const cookie = cookieOf(await signIn(READ_KEY));
    expect((await request('DELETE', '/v1/session', { cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(403);
    const left = await request('DELETE', '/v1/session', { cookie, ...ours });
    expect(left.headers.get('set-cookie')).toContain('Max-Age=0');
    expect((await request('GET', '/v1/reports/near-limits', { cookie })).status).toBe(401);
    expect(await (await request('GET', '/v1/session', { cookie })).json()).toEqual({ session: null });
  });

  it('ends with its key, at once', async () => {
    const record = server.keys.get(READ_KEY);
    const cookie = cookieOf(await signIn(READ_KEY));
    server.keys.delete(READ_KEY);
    expect((await request('GET', '/v1/reports/near-limits', { cookie })).status).toBe(401);
    if (record !== undefined) server.keys.set(READ_KEY, record);
    expect((await request('GET', '/v1/reports/near-limits', { cookie })).status).toBe(401);
  });
});

describe('what the pages read of a customer', () => {
  const read = async (path: string, key = READ_KEY) => {
    const response = await request('GET', path, { 'x-weir-key': key });
    return { status: response.status, body: await response.text() };
  };

  it('has the limits that decide: add-ons added, windows in the customer’s zone', async () => {
    const sheet = JSON.parse((await read('/v1/console/customers/acme')).body);
    expect(sheet).toMatchObject({
      name: 'Acme GmbH',
      plan: { id: 'pro', name: 'Pro' },
      addons: [{ id: 'more-tokens' }],
      timezone: 'Europe/Berlin',
    });
    const [chat, , sso] = sheet.features;
    expect(chat).toMatchObject({ id: 'chat', entitled: true, meter: { id: 'tokens', unit: 'token', summed: true } });
    expect(chat.limits[0]).toEqual({
      id: 'monthly',
      kind: 'quota',
      included: 1_500_000,
      hard: 1_600_000,
      shadow: false,
      warnAt: [80, 100],
      window: { every: 'month', anchorMs: Date.parse('2026-01-31T10:00:00Z'), timezone: 'Europe/Berlin' },
    });
    expect(chat.limits[1]).toMatchObject({
      id: 'burst',
      kind: 'bucket',
      capacity: 20_000,
      refill: { amount: 5, everyMs: 1 },
    });
    expect(sso).toMatchObject({ id: 'sso', entitled: true, value: true });
  });

  it('shows what a suspended customer would have', async () => {
    const sheet = JSON.parse((await read('/v1/console/customers/umbrella')).body);
    expect(sheet).toMatchObject({ status: 'suspended' });
    expect(sheet.features[0]).toMatchObject({ id: 'chat', entitled: true });
  });

  it('has the live counters', async () => {
    const usage = JSON.parse((await read('/v1/customers/acme/usage')).body);
    expect(usage.features.chat.limits.burst).toEqual({ kind: 'bucket', capacity: 20_000, remaining: 16_230 });
    expect(usage.features.chat.limits.monthly).toMatchObject({
      used: 1_412_850,
      reserved: 12_000,
      resetAt: expect.any(String),
    });
  });

  it('is refused to keys of other customers, and to keys that may not read', async () => {
    server.keys.set('globex-key', {
      id: 'globex',
      hash: '2'.repeat(64),
      scopes: ['read'],
      customer: 'globex',
      createdAt: '2026-01-01T00:00:00Z',
    });
    expect((await read('/v1/console/customers/acme', 'globex-key')).status).toBe(403);
    expect((await read('/v1/customers/acme/usage', 'globex-key')).status).toBe(403);
    expect((await read('/v1/console/customers/globex', 'globex-key')).status).toBe(200);
    expect((await read('/v1/console/customers/acme', CHECK_KEY)).status).toBe(403);
    expect((await read('/v1/console/customers/nobody')).status).toBe(404);
  });
});
