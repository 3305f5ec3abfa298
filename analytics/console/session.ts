import { z } from 'zod';
import { type ApiKey, idSchema, scopeSchema, WeirError } from '../../engine/index.js';
import { readKey } from '../../ingest/http/auth.js';
import type { Reply, RequestContext, Route } from '../../ingest/http/index.js';
import { type LiveSession, SESSION_MS_MAX, type SessionStore } from './session-store.js';

/**
 * Cookies know no ports: with the port in the name, two Weirs on one machine do not sign each other out.
 * A browser on 8081 and on 9081 sends both cookies to both; the store knows its own.
 */
const COOKIE_PREFIX = 'weir_session_';
const SESSION_COOKIE = /(?:^|; *)weir_session_\d{1,5}=([A-Za-z0-9_-]{43})(?=;|$)/g;
/** Cookies of ours that are looked at in one request. */
const COOKIES_MAX = 8;

/** A page of another origin cannot send it without asking the browser first, and we never allow it. */
const CONSOLE_HEADER = 'x-weir-console';

const shownKeySchema = z.object({
  id: idSchema,
  name: z.string().optional(),
  scopes: z.array(scopeSchema),
  customer: idSchema.optional(),
});
const answerSchema = z.object({
  /** Null when nobody is signed in. */
  session: z.object({ key: shownKeySchema, expiresAt: z.iso.datetime() }).nullable(),
});
type Answer = z.output<typeof answerSchema>;

/** For the HTTP edge: the key behind a request's cookies. */
export function cookieAuthentication(store: SessionStore): (cookie: string) => ApiKey | undefined {
  return (cookie) => findSession(store, cookie)?.key;
}

/** Signing in by an API key, out, and who is signed in. */
export function sessionRoutes(store: SessionStore): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/session',
      // Not 401 for a visitor: that they are not signed in is the answer, not a fault.
      scope: 'public',
      summary: 'Who is signed in by the session cookie',
      response: answerSchema,
      handle: (context) => answer(findSession(store, context.header('cookie'))),
    },
    {
      method: 'POST',
      path: '/v1/session',
      scope: 'read',
      summary: 'Exchanges an API key for a session cookie',
      request: z.strictObject({}),
      response: answerSchema,
      bodyBytesMax: 1_024,
      handle: (context) => signIn(store, context),
    },
    {
      method: 'DELETE',
      path: '/v1/session',
      // Public, so that a session whose key is gone can still be left.
      scope: 'public',
      summary: 'Ends the session of the cookie',
      response: answerSchema,
      ignoresBody: true,
      handle: (context) => signOut(store, context),
    },
  ];
}

async function signIn(store: SessionStore, context: RequestContext): Promise<Reply> {
  const rawKey = readKey(context.header('authorization'), context.header('x-weir-key'));
  // A request that was let in by its cookie has no key to make a session of.
  if (rawKey === '' || context.key === undefined) throw new WeirError('unauthenticated');
  await context.json(z.strictObject({}));
  closeAll(store, context.header('cookie'));
  const { id, expiresAtMs } = store.open(rawKey, context.key);
  const cookie = sessionCookie(context, id, SESSION_MS_MAX);
  return answer({ key: context.key, expiresAtMs }, { 'set-cookie': cookie });
}

function signOut(store: SessionStore, context: RequestContext): Reply {
  if (context.header(CONSOLE_HEADER) !== '1') {
    throw new WeirError('forbidden', `send the header "${CONSOLE_HEADER}: 1"`, { field: CONSOLE_HEADER });
  }
  closeAll(store, context.header('cookie'));
  return answer(undefined, { 'set-cookie': sessionCookie(context, '', 0) });
}

function sessionIds(cookie: string): string[] {
  return [...cookie.matchAll(SESSION_COOKIE)].slice(0, COOKIES_MAX).map((match) => match[1] ?? '');
}

function findSession(store: SessionStore, cookie: string): LiveSession | undefined {
  for (const id of sessionIds(cookie)) {
    const session = store.find(id);
    if (session !== undefined) return session;
  }
  return undefined;
}

function closeAll(store: SessionStore, cookie: string): void {
  for (const id of sessionIds(cookie)) store.close(id);
}

function sessionCookie(context: RequestContext, id: string, maxAgeMs: number): string {
  const port = /:(\d{1,5})$/.exec(context.header('host'))?.[1] ?? '0';
  // TLS ends at a proxy, if at all. Without it a Secure cookie would be dropped by the browser.
  const secure = context.header('x-forwarded-proto') === 'https' ? '; Secure' : '';
  return `${COOKIE_PREFIX}${port}=${id}; Path=/; Max-Age=${maxAgeMs / 1_000}; HttpOnly; SameSite=Strict${secure}`;
}

function answer(session: LiveSession | undefined, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, headers, json: session === undefined ? { session: null } : shown(session) };
}

function shown({ key, expiresAtMs }: LiveSession): Answer {
  const { id, name, scopes, customer } = key;
  return {
    session: {
      key: { id, ...(name === undefined ? {} : { name }), scopes, ...(customer === undefined ? {} : { customer }) },
      expiresAt: new Date(expiresAtMs).toISOString(),
    },
  };
}
