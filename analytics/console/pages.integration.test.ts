import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HttpServer, startHttpServer } from '../../ingest/http/index.js';
import { pageRoutes } from './pages.js';

const script = `console.log(${JSON.stringify('x'.repeat(4_000))})`;
const folder = mkdtempSync(join(tmpdir(), 'weir-pages-'));
mkdirSync(join(folder, 'assets'));
writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Weir</title>');
writeFileSync(join(folder, 'assets', 'index-abc.js'), script);
writeFileSync(join(folder, 'secret.txt'), 'secret');

let server: HttpServer;
let url = '';

const serve = (pages: string) =>
  startHttpServer({
    host: '127.0.0.1',
    port: 0,
    name: 'pages',
    routes: pageRoutes(pages),
    authenticate: () => undefined,
    metrics: new Registry(),
    ready: async () => ({ ready: true, problems: [] }),
  });

beforeAll(async () => {
  server = await serve(folder);
  url = `http://127.0.0.1:${server.port}`;
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

it('the page needs no key, is asked for anew each time, and may load nothing but its own files', async () => {
  const page = await fetch(url);
  expect(await page.text()).toContain('<title>Weir</title>');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
  expect(page.headers.get('x-frame-options')).toBe('DENY');
  const again = await fetch(url, { headers: { 'if-none-match': page.headers.get('etag') ?? '' } });
  expect([again.status, await again.text()]).toEqual([304, '']);
});

it('files with a digest in their name are kept for good, packed for those who take it', async () => {
  const response = await fetch(`${url}/assets/index-abc.js`, { headers: { 'accept-encoding': 'identity' } });
  expect(await response.text()).toBe(script);
  expect(response.headers.get('cache-control')).toContain('immutable');
  expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  const packed = await fetch(`${url}/assets/index-abc.js`, { headers: { 'accept-encoding': 'gzip' } });
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(await packed.text()).toBe(script);
});

it.each(['/assets/none.js', '/assets/../secret.txt', '/assets/%2e%2e/secret.txt', '/secret.txt'])(
  '%s is not there',
  async (path) => {
    expect((await fetch(url + path)).status).toBe(404);
  },
);

it('says how to build the pages where they are not built', async () => {
  const bare = await serve(join(folder, 'nothing-here'));
  const response = await fetch(`http://127.0.0.1:${bare.port}/`);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('npm run build');
  await bare.close();
});
