import { z } from 'zod';
import { type CatalogView, idSchema, WeirError } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';
import type { RequestContext, Route } from '../../ingest/http/index.js';
import { actorOf, onRedis, operatorOnly } from '../control/operator.js';
import type { Sealer } from './seal.js';
import { customerOf, isHttps, PORTAL_SESSION_MS, portalCookie } from './session.js';

const MINUTE_MS = 60_000;
const TTL_MS_MIN = MINUTE_MS;
const TTL_MS_MAX = 24 * 60 * MINUTE_MS;
const TTL_MS_DEFAULT = 15 * MINUTE_MS;

/** A page of another origin cannot send it without asking the browser first, and we never allow it. */
const CONSOLE_HEADER = 'x-weir-console';
const BODY_BYTES_MAX = 8_192;
/** A name or an address with its port, as it may stand in a URL. */
const HOST = /^[A-Za-z0-9.-]{1,253}(:\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?$/;

const linkRequestSchema = z.strictObject({
  customer: idSchema,
  ttlMs: z.int().min(TTL_MS_MIN).max(TTL_MS_MAX).default(TTL_MS_DEFAULT),
});
const linkSchema = z.object({ url: z.url(), expiresAt: z.iso.datetime() });
const sessionRequestSchema = z.strictObject({ token: z.string().min(1).max(BODY_BYTES_MAX) });
const sessionSchema = z.object({ expiresAt: z.iso.datetime() });

/** `POST /v1/portal-links`, for operators: a link to a customer's own usage. Who makes one is logged, without the link. */
export function portalLinkRoute(sealer: Sealer, catalog: CatalogView, log: Logger): Route {
  const route: Route = {
    method: 'POST',
    path: '/v1/portal-links',
    scope: 'admin',
    summary: 'Makes a short-lived link by which a customer sees their own usage.',
    request: linkRequestSchema,
    response: linkSchema,
    successStatus: 201,
    bodyBytesMax: BODY_BYTES_MAX,
    async handle(context) {
      const { customer, ttlMs } = await context.json(linkRequestSchema);
      const actor = actorOf(context);
      const known = catalog.customer(customer) ?? (await catalog.loadCustomer(customer));
      if (known === null) throw new WeirError('unknown_customer', JSON.stringify(customer), { field: 'customer' });
      const { sealed, expiresAtMs } = sealer.seal('link', customer, ttlMs);
      const expiresAt = new Date(expiresAtMs).toISOString();
      log.info({ actor, customer, expiresAt }, 'portal link made');
      // Behind `#`: a browser sends it to nobody, so that no log and no referrer has it.
      const json = { url: `${originOf(context)}/portal#${sealed}`, expiresAt };
      return { status: 201, json, headers: { 'cache-control': 'no-store' } };
    },
  };
  return operatorOnly(onRedis(route));
}

/** `POST /portal/session` takes the link's token for a cookie; `DELETE` gives the cookie back. */
export function portalSessionRoutes(sealer: Sealer, catalog: CatalogView): Route[] {
  const routes: Route[] = [
    {
      method: 'POST',
      path: '/portal/session',
      scope: 'public',
      summary: 'Exchanges the token of a portal link for a session cookie',
      hidden: true,
      request: sessionRequestSchema,
      response: sessionSchema,
      bodyBytesMax: BODY_BYTES_MAX,
      async handle(context) {
        assertOwnPage(context);
        const { token } = await context.json(sessionRequestSchema);
        const { customer } = await customerOf(catalog, sealer.open('link', token));
        const { sealed, expiresAtMs } = sealer.seal('session', customer.id, PORTAL_SESSION_MS);
        return {
          status: 200,
          json: { expiresAt: new Date(expiresAtMs).toISOString() },
          headers: { 'set-cookie': portalCookie(context, sealed, PORTAL_SESSION_MS) },
        };
      },
    },
    {
      method: 'DELETE',
      path: '/portal/session',
      scope: 'public',
      summary: 'Ends the session of the portal cookie in this browser',
      hidden: true,
      ignoresBody: true,
      handle(context) {
        assertOwnPage(context);
        return { status: 200, json: {}, headers: { 'set-cookie': portalCookie(context, '', 0) } };
      },
    },
  ];
  return routes.map(onRedis);
}

/** @throws WeirError `forbidden` unless a page of ours asks: nobody is to be signed in by another site. */
function assertOwnPage(context: Pick<RequestContext, 'header'>): void {
  if (context.header(CONSOLE_HEADER) === '1') return;
  throw new WeirError('forbidden', `send the header "${CONSOLE_HEADER}: 1"`, { field: CONSOLE_HEADER });
}

/** Where the caller reached us, which is where the link leads. @throws WeirError `invalid_request` */
function originOf(context: Pick<RequestContext, 'header'>): string {
  const host = context.header('host');
  if (!HOST.test(host)) throw new WeirError('invalid_request', 'the Host header is no host', { field: 'host' });
  return `${isHttps(context) ? 'https' : 'http'}://${host}`;
}
