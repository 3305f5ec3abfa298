import { type CatalogView, type Customer, WeirError } from '../../engine/index.js';
import type { RequestContext } from '../../ingest/http/index.js';
import { type Pass, SEALED_CHARS_MAX, type Sealer } from './seal.js';

/** A session ends after this time, whatever it does; a new link opens another. */
export const PORTAL_SESSION_MS = 60 * 60 * 1000;

/** Cookies know no ports: with the port in the name, two Weirs on one machine do not take each other's. */
const COOKIE_PREFIX = 'weir_portal_';
const PORTAL_COOKIE = new RegExp(
  `(?:^|; *)${COOKIE_PREFIX}\\d{1,5}=([A-Za-z0-9_.-]{1,${SEALED_CHARS_MAX}})(?=;|$)`,
  'g',
);
/** Cookies of ours that are looked at in one request. */
const COOKIES_MAX = 8;

/** A session with its customer as the catalog has it now. */
export interface PortalSession {
  readonly customer: Customer;
  readonly expiresAtMs: number;
}

/** The customer of a pass. @throws WeirError `invalid_link` when it is over, or the customer is no longer there. */
export async function customerOf(catalog: CatalogView, pass: Pass | undefined): Promise<PortalSession> {
  if (pass === undefined) throw new WeirError('invalid_link');
  const customer = catalog.customer(pass.customer) ?? (await catalog.loadCustomer(pass.customer));
  if (customer === null) throw new WeirError('invalid_link');
  return { customer, expiresAtMs: pass.expiresAtMs };
}

/** The session of a request's cookie, and of nothing else that it carries. @throws WeirError `invalid_link` */
export function sessionOf(
  sealer: Sealer,
  catalog: CatalogView,
  context: Pick<RequestContext, 'header'>,
): Promise<PortalSession> {
  for (const [, sealed = ''] of [...context.header('cookie').matchAll(PORTAL_COOKIE)].slice(0, COOKIES_MAX)) {
    const pass = sealer.open('session', sealed);
    if (pass !== undefined) return customerOf(catalog, pass);
  }
  return customerOf(catalog, undefined);
}

/** The cookie of a session; it goes to the portal's own addresses only. */
export function portalCookie(context: Pick<RequestContext, 'header'>, sealed: string, maxAgeMs: number): string {
  const port = /:(\d{1,5})$/.exec(context.header('host'))?.[1] ?? '0';
  // TLS ends at a proxy, if at all. Without it a Secure cookie would be dropped by the browser.
  const secure = isHttps(context) ? '; Secure' : '';
  const age = Math.floor(maxAgeMs / 1_000);
  return `${COOKIE_PREFIX}${port}=${sealed}; Path=/portal; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`;
}

export const isHttps = (context: Pick<RequestContext, 'header'>): boolean =>
  context.header('x-forwarded-proto') === 'https';
