import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Span } from '@opentelemetry/api';
import { type ApiKey, BODY_BYTES_MAX, type Scope, WeirError } from '../../engine/index.js';
import { assertSameOrigin, hasScope, isLoopback } from './auth.js';
import { BodyReader, RequestAborted } from './body.js';
import { Context, copyHeaders, decodeParameter, type Incoming } from './context.js';
import { Exchange } from './exchange.js';
import { givenRequestId, makeRequestId, REQUEST_ID_HEADER } from './request-id.js';
import { endRequestSpan, startRequestSpan } from './request-span.js';
import { errorReply, StreamFault, sendReply } from './respond.js';
import { type PathRoutes, routeFor } from './router.js';
import type { Edge, Reply, Route } from './types.js';

/** Counted in place of a status when the client went away before its answer. */
export const CLIENT_GONE = 499;

type CookieLookup = ((cookie: string) => ApiKey | undefined) | undefined;

/**
 * The way of a request through the general machinery. Where it can leave:
 *
 *   read        copy the request, attach the abort handler
 *   route       404 not_found, 405 method_not_allowed
 *   authorize   401 unauthenticated, invalid_key; 403 forbidden
 *   parameters  400 invalid_request
 *   body        408, 413, 415, 400 (when the handler asks for it)
 *   handle      the reply, or an error of the registry, or 500
 *   send        with back-pressure; nothing is sent to a client that is gone
 */
export function requestServer(edge: Edge, authenticateCookie: CookieLookup) {
  return (res: HttpResponse, req: HttpRequest, group: PathRoutes | undefined): void => {
    const incoming = read(req, group);
    const requestId = givenRequestId(incoming.headers.get(REQUEST_ID_HEADER) ?? '') || makeRequestId();
    const exchange = new Exchange(res, incoming.method === 'HEAD', requestId, edge);
    edge.begin();
    const path = group?.path ?? 'unmatched';
    const span =
      edge.tracing === undefined
        ? undefined
        : startRequestSpan(edge.tracing, knownMethod(incoming.method), path, incoming.headers.get('traceparent') ?? '');
    let accepted: { route: Route; context: Context } | WeirError;
    let allow: string | undefined;
    try {
      if (group === undefined) throw new WeirError('not_found', incoming.path.slice(0, 200));
      const route = routeFor(group, incoming.method);
      if (route === undefined) {
        allow = group.allow;
        throw new WeirError('method_not_allowed', `allowed: ${group.allow}`);
      }
      accepted = { route, context: accept(res, incoming, group, route, exchange, span) };
    } catch (error) {
      accepted = edge.blame(error, incoming.path, requestId);
    }
    void finish(res, exchange, accepted, allow, path, incoming.method, span);
  };

  function accept(
    res: HttpResponse,
    incoming: Incoming,
    group: PathRoutes,
    route: Route,
    exchange: Exchange,
    span: Span | undefined,
  ): Context {
    const { method, headers } = incoming;
    const scope = neededScope(res, incoming, route);
    const authorizeAgain = (): ApiKey | undefined => (scope === undefined ? undefined : authorize(incoming, scope));
    const key = authorizeAgain();
    const params: Record<string, string> = {};
    group.parameters.forEach((name, index) => {
      params[name] = decodeParameter(name, incoming.rawParameters[index] ?? '');
    });
    const bodyBytesMax = route.bodyBytesMax ?? BODY_BYTES_MAX;
    if (method !== 'GET' && method !== 'HEAD' && route.ignoresBody !== true) {
      exchange.reader = new BodyReader(bodyBytesMax, edge.bodies).attach(res, headers.get('content-length') ?? '');
    }
    return new Context({ incoming, params, key, authorizeAgain, reader: exchange.reader, bodyBytesMax, span });
  }

  /** The scope that a request needs a key for; undefined: it needs none. */
  function neededScope(res: HttpResponse, { headers }: Incoming, route: Route): Scope | undefined {
    if (route.scope === 'public') return undefined;
    if (route.scope !== 'open') return route.scope;
    // Behind a proxy on this machine every caller comes from loopback, so a forwarded one counts as remote.
    const forwarded = `${headers.get('x-forwarded-for') ?? ''}${headers.get('forwarded') ?? ''}` !== '';
    return !forwarded && isLoopback(res.getRemoteAddress()) ? undefined : 'read';
  }

  /** @throws WeirError unauthenticated, invalid_key, forbidden. */
  function authorize({ method, headers }: Incoming, scope: Scope): ApiKey {
    const header = (name: string): string => headers.get(name) ?? '';
    if (authenticateCookie !== undefined && header('authorization') === '' && header('x-weir-key') === '') {
      const key = header('cookie') === '' ? undefined : authenticateCookie(header('cookie'));
      if (key !== undefined) {
        assertSameOrigin(method, header);
        if (!hasScope(key, scope)) throw new WeirError('forbidden', `the key needs the scope "${scope}"`);
        return key;
      }
    }
    return edge.authorize(header('authorization'), header('x-weir-key'), scope);
  }

  async function finish(
    res: HttpResponse,
    exchange: Exchange,
    accepted: { route: Route; context: Context } | WeirError,
    allow: string | undefined,
    route: string,
    method: string,
    span: Span | undefined,
  ): Promise<void> {
    let reply: Reply | undefined;
    try {
      reply = accepted instanceof WeirError ? errorReply(accepted) : await accepted.route.handle(accepted.context);
    } catch (error) {
      if (!(error instanceof RequestAborted))
        reply = errorReply(edge.blame(error, `${method} ${route}`, exchange.requestId));
    }
    if (allow !== undefined && reply !== undefined) reply = { ...reply, headers: { ...reply.headers, allow } };
    const status = reply === undefined ? CLIENT_GONE : await send(res, exchange, reply, `${method} ${route}`);
    exchange.reader?.release();
    edge.metrics.counter(route, knownMethod(method), status).inc();
    if (edge.tracing !== undefined && span !== undefined) endRequestSpan(edge.tracing, span, status);
    edge.metrics.duration(route).observeMs(performance.now() - exchange.startedMs);
    edge.end();
  }

  /** The status that was sent. */
  async function send(res: HttpResponse, exchange: Exchange, reply: Reply, where: string): Promise<number> {
    try {
      await sendReply(res, reply, exchange);
    } catch (error) {
      const blamed = edge.blame(error instanceof StreamFault ? error.cause : error, where, exchange.requestId);
      if (error instanceof StreamFault) return 500;
      await sendReply(res, errorReply(blamed), exchange);
      return blamed.status;
    }
    return exchange.aborted ? CLIENT_GONE : reply.status;
  }
}

function read(req: HttpRequest, group: PathRoutes | undefined): Incoming {
  return {
    method: req.getMethod().toUpperCase(),
    path: req.getUrl(),
    query: req.getQuery() ?? '',
    headers: copyHeaders(req),
    rawParameters: group?.parameters.map((_, index) => req.getParameter(index)) ?? [],
  };
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** Methods that nobody knows must not become labels without end. */
function knownMethod(method: string): string {
  return METHODS.has(method) ? method : 'other';
}
