import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type ApiKey, type CatalogView, idSchema, type RedisClient, WeirError } from '../../engine/index.js';
import { readAsset } from '../../engine/platform/assets.js';
import type { Logger } from '../../engine/platform/log.js';
import type { RequestContext, Route } from '../../ingest/http/index.js';
import { actorOf, operatorOnly } from '../control/operator.js';
import { type PortalClaims, PortalSigner } from './signer.js';

/** Signs links and sessions. Removed, and the control plane started again, it is made anew: earlier links are void. */
const KEY = '{catalog}:portal-key';
const KEY_BYTES = 32;
const TTL_MS = { min: 1_000, default: 60 * 60 * 1_000, max: 30 * 24 * 60 * 60 * 1_000 };
/** As of the console's: the port, since cookies know none. */
const COOKIE = /(?:^|; *)weir_portal_\d{1,5}=([\w.-]{1,4096})(?=;|$)/g;
const COOKIES_MAX = 8;
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const linkRequest = z.strictObject({
  customer: idSchema,
  ttlMs: z.int().min(TTL_MS.min).max(TTL_MS.max).default(TTL_MS.default),
});
const linkAnswer = z.object({ url: z.string(), expiresAt: z.iso.datetime() });
const sessionRequest = z.strictObject({ token: z.string().max(4_096) });
const sessionAnswer = z.object({ customer: idSchema, expiresAt: z.iso.datetime() });

export interface PortalOptions {
  readonly redis: RedisClient;
  readonly catalog: Pick<CatalogView, 'customer' | 'loadCustomer'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export interface Portal {
  readonly routes: readonly Route[];
  /** The customer behind a portal's cookie, as a key that reads, and is bound to it. */
  readonly authenticateCookie: (cookie: string) => ApiKey | undefined;
}

/** The customers' own view: links to it, the sessions they open, and its page. */
export async function createPortal({ redis, catalog, log }: PortalOptions): Promise<Portal> {
  await redis.set(KEY, randomBytes(KEY_BYTES).toString('base64url'), 'NX');
  const key = Buffer.from((await redis.get(KEY)) ?? '', 'base64url');
  if (key.length !== KEY_BYTES) throw new Error(`${KEY} holds no key of ${KEY_BYTES} bytes: remove it for a new one`);
  const signer = new PortalSigner(() => key);
  const claimsOf = (cookie: string): PortalClaims | undefined => {
    for (const [, token = ''] of [...cookie.matchAll(COOKIE)].slice(0, COOKIES_MAX)) {
      const claims = signer.read('session', token);
      if (claims !== undefined) return claims;
    }
    return undefined;
  };
  const createLink = operatorOnly({
    method: 'POST',
    path: '/v1/portal-links',
    scope: 'admin',
    summary: 'Makes a link that opens one customer’s own view, for an hour unless ttlMs says otherwise.',
    request: linkRequest,
    response: linkAnswer,
    successStatus: 201,
    async handle(context) {
      const { customer, ttlMs } = await context.json(linkRequest);
      const actor = actorOf(context);
      if ((catalog.customer(customer) ?? (await catalog.loadCustomer(customer))) === null) {
        throw new WeirError('unknown_customer', JSON.stringify(customer), { field: 'customer' });
      }
      const expiresAtMs = signer.nowMs + ttlMs;
      const expiresAt = new Date(expiresAtMs).toISOString();
      log.info({ actor, customer, expiresAt }, 'a portal link was made');
      // Behind the number sign nothing reaches a server, its log or a Referer.
      const url = `${originOf(context)}/portal#${signer.sign('link', { customer, expiresAtMs })}`;
      return { status: 201, headers: { 'cache-control': 'no-store' }, json: { url, expiresAt } };
    },
  });
  const openSession: Route = {
    method: 'POST',
    path: '/v1/portal-session',
    scope: 'public',
    summary: 'Exchanges the token of a portal link for a cookie.',
    request: sessionRequest,
    response: sessionAnswer,
    bodyBytesMax: 8_192,
    async handle(context) {
      const claims = signer.read('link', (await context.json(sessionRequest)).token);
      if (claims === undefined)
        throw new WeirError('invalid_key', 'the link is over, or is not ours: ask for a new one');
      const cookie = cookieOf(context, signer.sign('session', claims), claims.expiresAtMs - signer.nowMs);
      return { status: 200, headers: { 'set-cookie': cookie, 'cache-control': 'no-store' }, json: shown(claims) };
    },
  };
  const showSession: Route = {
    method: 'GET',
    path: '/v1/portal-session',
    scope: 'public',
    summary: 'Whose view the portal’s cookie opens.',
    response: sessionAnswer,
    handle(context) {
      const claims = claimsOf(context.header('cookie'));
      if (claims === undefined) throw new WeirError('unauthenticated');
      return { status: 200, headers: { 'cache-control': 'no-store' }, json: shown(claims) };
    },
  };
  return {
    routes: [createLink, openSession, showSession, ...pageRoutes()],
    authenticateCookie(cookie) {
      const claims = claimsOf(cookie);
      if (claims === undefined) return undefined;
      const { customer } = claims;
      return { id: 'portal', hash: '', scopes: ['read'], customer, createdAt: '1970-01-01T00:00:00.000Z' };
    },
  };
}

const shown = ({ customer, expiresAtMs }: PortalClaims) => ({
  customer,
  expiresAt: new Date(expiresAtMs).toISOString(),
});

const isTls = (context: RequestContext): boolean => context.header('x-forwarded-proto') === 'https';
const originOf = (context: RequestContext): string =>
  `${isTls(context) ? 'https' : 'http'}://${context.header('host')}`;

function cookieOf(context: RequestContext, token: string, ageMs: number): string {
  const port = /:(\d{1,5})$/.exec(context.header('host'))?.[1] ?? '0';
  const age = Math.max(0, Math.floor(ageMs / 1_000));
  return `weir_portal_${port}=${token}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${isTls(context) ? '; Secure' : ''}`;
}

/** The page, out of memory: nothing a request says names a file. */
function pageRoutes(): Route[] {
  const files = [
    ['/portal', 'portal/page/portal.html', 'text/html; charset=utf-8'],
    ['/portal/portal.js', 'portal/page/portal.js', 'text/javascript; charset=utf-8'],
    ['/portal/portal.css', 'portal/page/portal.css', 'text/css; charset=utf-8'],
    ['/portal/icon.svg', 'console/web/icon.svg', 'image/svg+xml'],
  ] as const;
  return files.map(([path, name, type]) => {
    const text = readAsset(`analytics/${name}`);
    const headers = {
      'content-type': type,
      'cache-control': 'no-cache',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': 'no-referrer',
    };
    const handle = () => ({ status: 200, headers, bytes: Buffer.from(text) });
    return { method: 'GET', path, scope: 'public', summary: 'The portal', hidden: true, handle };
  });
}
