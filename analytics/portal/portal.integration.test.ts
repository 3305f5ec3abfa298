import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../loadtest/harness/wait-for.js';
import { ADMIN_KEY, type ControlPlane, startControlPlane } from '../test-support/control-plane.js';
import { fill } from '../test-support/ledger.js';
import { Sealer } from './seal.js';

const CATALOG = `
meters:
  - { id: calls, eventType: call, aggregation: count }
features:
  - { id: api, kind: metered, meter: calls }
plans:
  - id: pro
    name: Pro
    features:
      api: { limits: [{ id: monthly, kind: quota, amount: 1000, window: { every: month } }] }
customers:
  - { id: acme, name: Acme GmbH, plan: pro }
  - { id: globex, name: Secret Globex, plan: pro }
`;
const OWN = ['summary', 'usage', 'usage.csv', 'forecast', 'invoice'].map((name) => `/portal/api/${name}`);

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane(CATALOG);
  const chargedAtMs = Date.now();
  const entryOf = (customer: string, amount: number) => ({
    chargedAtMs,
    facts: [{ customer, feature: 'api', meter: 'calls', amount, limits: [] }],
  });
  await fill(plane.clickhouse, [entryOf('acme', 7), entryOf('globex', 90_001)]);
});
afterAll(() => plane.stop());

const ours = { 'x-weir-console': '1', 'content-type': 'application/json' };

/** By no key: what a browser with these headers would get. */
const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
  fetch(plane.url + path, {
    method,
    headers: { ...ours, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

async function tokenOf(customer: string): Promise<string> {
  const { status, body } = await plane.call('POST', '/v1/portal-links', { customer });
  expect(status).toBe(201);
  return new URL(String(body.url)).hash.slice(1);
}

async function cookieOf(customer: string): Promise<string> {
  const answer = await ask('POST', '/portal/session', {}, { token: await tokenOf(customer) });
  expect(answer.status).toBe(200);
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

async function expectRefused(answer: Response): Promise<void> {
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ error: { code: 'invalid_link' } });
}

describe('making a link', () => {
  it('is for operators, of a customer that is there, for a bounded time', async () => {
    const made = await plane.call('POST', '/v1/portal-links', { customer: 'acme', ttlMs: 60_000 });
    expect(made).toMatchObject({ status: 201, body: { url: expect.stringMatching(/\/portal#[\w-]+\.[\w-]{43}$/) } });
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(String(made.body.url)).not.toContain(ADMIN_KEY);
    for (const [body, status] of [
      [{ customer: 'nobody' }, 404],
      [{ customer: 'acme', ttlMs: 59_999 }, 400],
      [{ customer: 'acme', ttlMs: 86_400_001 }, 400],
      [{ customer: 'acme', more: 1 }, 400],
      [{}, 400],
    ] as const) {
      expect(await plane.call('POST', '/v1/portal-links', body), JSON.stringify(body)).toMatchObject({ status });
    }
    const { body: read } = await plane.call('POST', '/v1/keys', { name: 'r', scopes: ['read'] });
    const { body: bound } = await plane.call('POST', '/v1/keys', { name: 'b', scopes: ['admin'], customer: 'acme' });
    for (const { key } of [read, bound]) {
      const refused = await plane.call('POST', '/v1/portal-links', { customer: 'acme' }, String(key));
      expect(refused).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
    }
    expect((await ask('POST', '/v1/portal-links', {}, { customer: 'acme' })).status).toBe(401);
  });
});

describe('a session', () => {
  it('is opened by our own page, and its cookie is kept from scripts, other sites and other addresses', async () => {
    const token = await tokenOf('acme');
    const foreign = await ask('POST', '/portal/session', { 'x-weir-console': '' }, { token });
    expect(foreign.status).toBe(403);
    const answer = await ask('POST', '/portal/session', { 'x-forwarded-proto': 'https' }, { token });
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^weir_portal_\d+=[\w.-]+; Path=\/portal; Max-Age=3600; HttpOnly; SameSite=Strict; Secure$/);
  });

  it('shows its customer’s plan, limits, days, forecast and month', async () => {
    await plane.engine.check({ customer: 'acme', feature: 'api', amount: 3, dryRun: false });
    const cookie = await cookieOf('acme');
    const answers = await Promise.all(OWN.map((path) => ask('GET', path, { cookie })));
    expect(answers.map(({ status }) => status)).toEqual(OWN.map(() => 200));
    const [summary, usage, csv, forecast, invoice] = await Promise.all(answers.map((answer) => answer.text()));
    expect(JSON.parse(summary ?? '')).toMatchObject({
      customer: { id: 'acme', name: 'Acme GmbH', plan: { id: 'pro', name: 'Pro' } },
      features: { api: { limits: { monthly: { kind: 'quota', included: 1000, used: 3, remaining: 997 } } } },
    });
    expect(JSON.parse(usage ?? '')).toMatchObject({ timezone: 'UTC', meters: [{ id: 'calls' }] });
    expect(csv).toMatch(/^start,end,meter,value,unit\r\n/);
    expect(JSON.parse(forecast ?? '')).toEqual({ rows: [] });
    const [month] = JSON.parse(invoice ?? '').rows;
    expect(month).toMatchObject({
      feature: 'api',
      meter: 'calls',
      limit: 'monthly',
      included: 1000,
      used: 7,
      overage: 0,
    });
    const { rows } = JSON.parse(usage ?? '').meters[0];
    expect(rows.reduce((sum: number, row: { value: number }) => sum + row.value, 0)).toBe(7);
    expect(csv).toContain(',calls,7,');
    expect((await ask('GET', '/portal/api/usage?period=2026-13', { cookie })).status).toBe(400);
  });

  it('reaches nothing of another customer, wherever it names them', async () => {
    const cookie = await cookieOf('acme');
    for (const path of OWN) {
      for (const query of ['customer=globex', 'id=globex', 'customer=acme&customer=globex']) {
        expect((await ask('GET', `${path}?${query}`, { cookie })).status, `${path}?${query}`).toBe(400);
      }
      expect((await ask('GET', `${path}/globex`, { cookie })).status, path).toBe(404);
      const headers = { cookie, 'x-weir-customer': 'globex', 'x-customer': 'globex', customer: 'globex' };
      const answer = await (await ask('GET', path, headers)).text();
      expect(answer, path).not.toMatch(/lobex|90001/);
      expect((await ask('POST', path, { cookie }, { customer: 'globex' })).status, path).toBe(405);
    }
  });

  it('opens no route of the control plane, its own customer’s neither', async () => {
    const cookie = await cookieOf('acme');
    const value = cookie.slice(cookie.indexOf('=') + 1);
    const { body } = await plane.call('GET', '/openapi.json');
    const paths = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
    );
    expect(Object.keys(body.paths ?? {}).filter((path) => /portal/.test(path))).toEqual(['/v1/portal-links']);
    const console = [{ path: '/v1/console/customers/{id}', method: 'GET' }];
    const guarded = [...paths, ...console].filter(({ path }) => path.startsWith('/v1/') && path !== '/v1/session');
    expect(guarded.length).toBeGreaterThan(40);
    for (const { path, method } of guarded) {
      for (const id of ['acme', 'globex']) {
        const address = `${path.replace(/\{\w+\}/g, id)}?customer=${id}`;
        const write = method === 'GET' ? undefined : { customer: id };
        const bySession = `weir_session_1=${value}`;
        const byKey = { authorization: `Bearer ${value}` };
        for (const headers of [{ cookie }, { cookie: bySession }, { 'x-weir-key': value }, byKey]) {
          const answer = await ask(method, address, { ...headers, 'sec-fetch-site': 'same-origin' }, write);
          expect(answer.status, `${method} ${address}`).toBe(401);
        }
      }
    }
    const session = await ask('GET', '/v1/session', { cookie });
    expect(await session.json()).toEqual({ session: null });
  });

  it('is not opened by what was changed, cut, made for something else, or by another key', async () => {
    const token = await tokenOf('acme');
    const session = (await cookieOf('acme')).split('=')[1] ?? '';
    const [payload = '', signature = ''] = token.split('.');
    const forged = Buffer.from(JSON.stringify(['globex', Date.now() + 60_000])).toString('base64url');
    const other = new Sealer('another-admin-key-of-32-characters-or-more').seal('link', 'acme', 60_000).sealed;
    const over = new Sealer(ADMIN_KEY, () => Date.now() - 120_000).seal('link', 'acme', 60_000).sealed;
    const flipped = `${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    const bad = [token.slice(0, -1), payload, `${payload}.`, `.${signature}`, `${forged}.${signature}`, flipped];
    for (const each of [...bad, `${token}A`, ` ${token}`, session, other, over, '🦆', 'x'.repeat(5_000)]) {
      await expectRefused(await ask('POST', '/portal/session', {}, { token: each }));
    }
    expect((await ask('POST', '/portal/session', {}, { token: '' })).status).toBe(400);
    const ended = new Sealer(ADMIN_KEY, () => Date.now() - 7_200_000).seal('session', 'acme', 3_600_000).sealed;
    const cookies = [...bad, token, other, ended, ''].map((each) => `weir_portal_1=${each}`);
    for (const cookie of [...cookies, `weir_session_1=${session}`, `other=${session}`]) {
      for (const path of OWN) await expectRefused(await ask('GET', path, { cookie }));
    }
  });

  it('ends with its customer', async () => {
    await plane.call('PUT', '/v1/customers/hooli', { plan: 'pro' });
    const token = await tokenOf('hooli');
    const cookie = await cookieOf('hooli');
    expect((await ask('GET', '/portal/api/summary', { cookie })).status).toBe(200);
    expect((await plane.call('DELETE', '/v1/customers/hooli')).status).toBe(200);
    await waitFor(async () => (await ask('GET', '/portal/api/summary', { cookie })).status === 401, {
      timeoutMs: 30_000,
      what: 'the catalog’s view to have the change',
    });
    for (const path of OWN) await expectRefused(await ask('GET', path, { cookie }));
    await expectRefused(await ask('POST', '/portal/session', {}, { token }));
  });
});
