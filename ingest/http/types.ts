import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Span } from '@opentelemetry/api';
import type { ZodType } from 'zod';
import type { ApiKey, Scope, WeirError } from '../../engine/index.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import type { BodyWatch } from './body.js';
import type { HttpMetrics } from './metrics.js';

/** A body as it came over the wire, still packed. */
export interface WireBody {
  readonly bytes: Buffer;
  readonly gzip: boolean;
}

/** One request as a route's handler sees it. Everything of uWS's request was copied before. */
export interface RequestContext {
  readonly method: string;
  readonly path: string;
  /** Values of the `:name` parts of the route, decoded; each is a valid id, else the caller heard 400. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** A header's value, '' when absent; names in lower case. A header sent twice comes joined by `, `. */
  header(name: string): string;
  /** The authenticated key; undefined on open and public routes called without one. */
  readonly key: ApiKey | undefined;
  /** The key's record now: it may have been revoked or changed since the request came. @throws WeirError invalid_key, forbidden. */
  authorizeAgain(): ApiKey | undefined;
  /** The request's span, where it is traced. */
  readonly span?: Span | undefined;
  /** The whole body (gunzipped), bounded by the route's limit. @throws WeirError body_too_large, invalid_gzip, body_timeout. */
  body(): Promise<Buffer>;
  /** The body as it came, for those who unpack it elsewhere. @throws WeirError body_too_large, body_timeout. */
  wireBody(): Promise<WireBody>;
  /** Parses the body by a schema. @throws WeirError invalid_json, unknown_field, invalid_request with the field. */
  json<T>(schema: ZodType<T>): Promise<T>;
  /** Parses the query by a schema of strings. @throws WeirError unknown_field, invalid_request with the field. */
  parseQuery<T>(schema: ZodType<T>): T;
}

/** What a handler answers. `chunks` is streamed with back-pressure. At most one of json, text, bytes, chunks. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  readonly bytes?: Uint8Array;
  readonly chunks?: AsyncIterable<Uint8Array | string>;
}

/** What the server lends to a handler that talks to uWS itself. */
export interface Edge {
  /** True once the server stops: answers must end their connection. */
  readonly draining: boolean;
  readonly metrics: HttpMetrics;
  readonly bodies: BodyWatch;
  /** Undefined where nothing is traced. */
  readonly tracing: Tracing | undefined;
  /** The record of the key in these headers. @throws WeirError unauthenticated, invalid_key, forbidden. */
  authorize(authorization: string, weirKey: string, scope: Scope): ApiKey;
  /** Counts a request that must be finished before the server closes. */
  begin(): void;
  /** Ends what `begin` counted; exactly once, also after an abort. */
  end(): void;
  /** The error as one of the registry; one that is none is logged, with the request's id, and becomes `internal`. */
  blame(error: unknown, where: string, requestId: string): WeirError;
}

/** A handler that takes a request from uWS directly: it attaches `onAborted` and reads `req` before it returns. */
export type FastHandler = (res: HttpResponse, req: HttpRequest) => void;

/** One address of the API. The OpenAPI document is made from these. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'ANY';
  /** `/v1/customers/:id/usage`; a trailing `*` takes any rest. */
  readonly path: string;
  /** Scope a key needs; `open`: none on loopback, else `read` (health, metrics, OpenAPI); `public`: none ever (pages). */
  readonly scope: Scope | 'open' | 'public';
  readonly summary: string;
  readonly request?: ZodType;
  /** Media types of the request in the OpenAPI document; `application/json` when left out. */
  readonly requestTypes?: readonly string[];
  /** The query's parameters: a zod object of strings, for the OpenAPI document and `parseQuery`. */
  readonly query?: ZodType;
  readonly response?: ZodType;
  /** Status of the usual answer, for the OpenAPI document; 200 when left out. */
  readonly successStatus?: number;
  /** Left out of the OpenAPI document (pages, aliases). */
  readonly hidden?: boolean;
  /** Bound of the body on the wire and unpacked; BODY_BYTES_MAX when left out. */
  readonly bodyBytesMax?: number;
  /** The body is not read: it belongs to the request that a proxy asks about. */
  readonly ignoresBody?: boolean;
  handle(context: RequestContext): Promise<Reply> | Reply;
  /** Makes a handler that serves a POST route without the general machinery: for the hot path only. It takes the place of `handle`. */
  readonly fast?: (edge: Edge) => FastHandler;
}

export type Readiness = { readonly ready: boolean; readonly problems: readonly string[] };
