import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { readAsset } from '../../engine/platform/assets.js';
import { ADMIN_KEY, type ControlPlane, startControlPlane } from '../test-support/control-plane.js';
import { PortalSigner } from './signer.js';

let control: ControlPlane;
let token: string;
let cookie: string;

beforeAll(async () => {
  control = await startControlPlane(readAsset('engine/catalog/sample.yaml'));
  const made = await control.call('POST', '/v1/portal-links', { customer: 'acme' });
  expect(made.status).toBe(201);
  token = new URL(z.string().parse(made.body.url)).hash.slice(1);
  const opened = await exchange(token);
  expect(opened.status).toBe(200);
  expect(opened.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict$/);
  cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
});
afterAll(() => control.stop());

const exchange = (link: string) =>
  fetch(`${control.url}/v1/portal-session`, { method: 'POST', body: JSON.stringify({ token: link }) });
const visit = (path: string, method = 'GET', headers: Record<string, string> = {}, body?: string) =>
  fetch(control.url + path, { method, headers: { cookie, ...headers }, ...(body === undefined ? {} : { body }) });

test('a link opens its own customer', async () => {
  expect(await (await visit('/v1/portal-session')).json()).toMatchObject({ customer: 'acme' });
  expect((await visit('/v1/customers/acme/usage')).status).toBe(200);
  expect((await visit('/v1/console/customers/acme')).status).toBe(200);
  expect((await visit('/v1/reports/utilization?period=2026-11&format=csv')).status).toBe(200);
});

test('a tampered, foreign or misused token opens nothing', async () => {
  const [claims = '', signature = ''] = token.split('.');
  const text = Buffer.from(claims, 'base64url').toString();
  const other = Buffer.from(text.replace('acme', 'kaori')).toString('base64url');
  const session = cookie.slice(cookie.indexOf('=') + 1);
  for (const wrong of ['', '.', claims, `${other}.${signature}`, `${claims}.${'A'.repeat(43)}`, session]) {
    expect((await exchange(wrong)).status, wrong).toBe(401);
  }
  const port = new URL(control.url).port;
  const asCookie = await visit('/v1/customers/acme/usage', 'GET', { cookie: `weir_portal_${port}=${token}` });
  expect(asCookie.status).toBe(401);
});

test('a token ends at its time, and with its key', () => {
  let nowMs = 1_000;
  let key = Buffer.alloc(32, 1);
  const signer = new PortalSigner(
    () => key,
    () => nowMs,
  );
  const signed = signer.sign('link', { customer: 'acme', expiresAtMs: 2_000 });
  expect(signer.read('link', signed)).toEqual({ customer: 'acme', expiresAtMs: 2_000 });
  expect(signer.read('session', signed)).toBeUndefined();
  nowMs = 2_000;
  expect(signer.read('link', signed)).toBeUndefined();
  nowMs = 1_000;
  key = Buffer.alloc(32, 2);
  expect(signer.read('link', signed)).toBeUndefined();
});

test('no other customer is reached by any route, method or spelling', async () => {
  const openapi = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
  const { paths } = openapi.parse(await (await fetch(`${control.url}/openapi.json`)).json());
  const places = ['kaori', 'acme%2F..%2Fkaori', 'acme/../kaori', 'kaori%00', '%6baori', 'acme%2fkaori'];
  const same = { 'sec-fetch-site': 'same-origin', 'x-weir-console': '1' };
  let asked = 0;
  for (const [path, methods] of Object.entries({ ...paths, '/v1/console/customers/{id}': { get: {} } })) {
    if (!path.startsWith('/v1/')) continue;
    for (const method of Object.keys(methods)) {
      for (const place of places) {
        const at = path.replace(/\{\w+\}/g, place);
        const query = `?customer=${place}&meter=tokens&period=2026-11&groupBy=customer`;
        for (const url of [at, at + query, `${at}?customer=${place}`]) {
          const body =
            method === 'get' ? undefined : JSON.stringify({ customer: 'kaori', id: 'x', source: 'y', reason: 'z' });
          const response = await visit(url, method.toUpperCase(), { ...same, 'x-weir-customer': 'kaori' }, body);
          expect(await response.text(), `${method} ${url}`).not.toMatch(/Kaori KK|"customer":"kaori"/);
          asked += 1;
        }
      }
    }
  }
  expect(asked).toBeGreaterThan(100);
  expect((await visit('/v1/customers/kaori/usage')).status).toBe(403);
  expect((await visit('/v1/console/customers/%6baori')).status).toBe(403);
  expect((await visit('/v1/usage?meter=tokens&customer=kaori')).status).toBe(403);
  expect((await visit('/v1/portal-links', 'POST', same, '{"customer":"kaori"}')).status).toBe(403);
});

test('links are made by operators only, for customers that there are, and for a bounded time', async () => {
  const bound = await control.call('POST', '/v1/keys', { scopes: ['admin'], customer: 'acme' });
  const boundKey = z.string().parse(bound.body.key);
  expect((await control.call('POST', '/v1/portal-links', { customer: 'acme' }, boundKey)).status).toBe(403);
  expect((await control.call('POST', '/v1/portal-links', { customer: 'nobody' }, ADMIN_KEY)).status).toBe(404);
  expect((await control.call('POST', '/v1/portal-links', { customer: 'acme', ttlMs: 1e12 })).status).toBe(400);
});

test('the page loads nothing from elsewhere', async () => {
  const page = await fetch(`${control.url}/portal`);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  expect(await page.text()).not.toMatch(/https?:/);
});
