import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Reply, Route } from '../../ingest/http/index.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.map': 'application/json',
};

const SECURITY = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const NO_PAGES =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Weir</title><h1>Weir</h1>' +
  '<p>The console was not built. The API is at <a href="/openapi.json">/openapi.json</a>.</p></html>';

/**
 * The console's pages, read once at the start: names with a digest are kept by browsers for ever, the page itself never.
 * @param folder of the built pages; one that does not exist gives a page that says so.
 */
export async function consoleRoutes(folder: string): Promise<Route[]> {
  const assets = new Map<string, Buffer>();
  const names = await readdir(join(folder, 'assets')).catch(() => []);
  for (const name of names) assets.set(name, await readFile(join(folder, 'assets', name)));
  const page = await readFile(join(folder, 'index.html')).catch(() => Buffer.from(NO_PAGES));
  const showPage = (): Reply => ({
    status: 200,
    bytes: page,
    headers: { ...SECURITY, 'content-type': TYPES['.html'] ?? '', 'cache-control': 'no-cache' },
  });
  return [
    { method: 'GET', path: '/', scope: 'public', summary: 'The console.', hidden: true, handle: showPage },
    {
      method: 'GET',
      path: '/assets/*',
      scope: 'public',
      summary: 'Scripts and styles of the console.',
      hidden: true,
      handle({ path }) {
        const name = path.slice('/assets/'.length);
        const bytes = assets.get(name);
        if (bytes === undefined) return { status: 404, text: 'not found' };
        const type = TYPES[extname(name)] ?? 'application/octet-stream';
        return {
          status: 200,
          bytes,
          headers: { ...SECURITY, 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' },
        };
      },
    },
  ];
}
