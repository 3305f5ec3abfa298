import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { WeirError } from '../../engine/index.js';
import type { Reply, RequestContext, Route } from '../../ingest/http/index.js';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing but what this server sends: a script that slipped into a page could neither run nor report home. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Below this size the gzip header eats what it saves. */
const GZIP_BYTES_MIN = 1_024;

/** Documents of the build: the console, and the customer portal. */
const DOCUMENTS = ['index.html', 'portal.html'];

interface Page {
  readonly bytes: Buffer;
  readonly gzip: Buffer | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
}

/**
 * The pages: `GET /`, `GET /portal` and `GET /assets/*`, out of memory. They are some hundred kilobytes, read and packed once
 * at the start, so nothing a request says ever names a file.
 *
 * @param folder what the build wrote; where it is missing, `/` says how to build it.
 */
export function pageRoutes(folder: string): Route[] {
  const pages = loadPages(folder);
  const serve = (name: string, context: RequestContext): Reply => {
    const page = pages.get(name);
    if (page === undefined) throw new WeirError('not_found', name.slice(0, 200));
    return pageReply(page, context);
  };
  return [
    {
      method: 'GET',
      path: '/',
      scope: 'public',
      summary: 'The console',
      hidden: true,
      handle: (context) => (pages.size === 0 ? notBuilt() : serve('index.html', context)),
    },
    {
      method: 'GET',
      path: '/portal',
      scope: 'public',
      summary: 'The customer portal',
      hidden: true,
      handle: (context) => (pages.size === 0 ? notBuilt() : serve('portal.html', context)),
    },
    {
      method: 'GET',
      path: '/assets/*',
      scope: 'public',
      summary: 'Scripts, styles and pictures of the console',
      hidden: true,
      handle: (context) => serve(context.path.slice(1), context),
    },
  ];
}

function loadPages(folder: string): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>();
  if (!existsSync(join(folder, 'index.html'))) return pages;
  for (const name of DOCUMENTS) {
    if (existsSync(join(folder, name))) pages.set(name, loadPage(join(folder, name), 'no-cache'));
  }
  // Their names carry a hash of their content, so a copy never grows old.
  for (const name of readdirSync(join(folder, 'assets'))) {
    pages.set(`assets/${name}`, loadPage(join(folder, 'assets', name), 'public, max-age=31536000, immutable'));
  }
  return pages;
}

function loadPage(path: string, cacheControl: string): Page {
  const bytes = readFileSync(path);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const extension = extname(path);
  return {
    bytes,
    gzip: bytes.length >= GZIP_BYTES_MIN ? gzipSync(bytes, { level: 9 }) : undefined,
    etag,
    headers: {
      'content-type': CONTENT_TYPES[extension] ?? 'application/octet-stream',
      'cache-control': cacheControl,
      vary: 'accept-encoding',
      etag,
      ...(extension === '.html' || extension === '.svg' ? { 'content-security-policy': CONTENT_SECURITY_POLICY } : {}),
    },
  };
}

function pageReply(page: Page, context: RequestContext): Reply {
  if (context.header('if-none-match') === page.etag) return { status: 304, headers: page.headers };
  const packed = /\bgzip\b/.test(context.header('accept-encoding')) ? page.gzip : undefined;
  if (packed === undefined) return { status: 200, headers: page.headers, bytes: page.bytes };
  return { status: 200, headers: { ...page.headers, 'content-encoding': 'gzip' }, bytes: packed };
}

function notBuilt(): Reply {
  return { status: 503, text: 'The console is not built here. Run "npm run build", then start Weir again.\n' };
}
