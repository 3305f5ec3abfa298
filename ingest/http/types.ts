import type { ZodType } from 'zod';
import type { ApiKey, Scope } from '../../engine/index.js';

/** One request as a route's handler sees it. Everything of uWS's request was copied before. */
export interface RequestContext {
  readonly method: string;
  readonly path: string;
  /** Values of the `:name` parts of the route, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** A header's value, '' when absent; names in lower case. */
  header(name: string): string;
  /** The authenticated key; undefined on open routes called without one. */
  readonly key: ApiKey | undefined;
  /** The whole body (gunzipped), bounded by the route's limit. @throws WeirError body_too_large, invalid_gzip, body_timeout. */
  body(): Promise<Buffer>;
  /** Parses the body by a schema. @throws WeirError invalid_json, unknown_field, invalid_request with the field. */
  json<T>(schema: ZodType<T>): Promise<T>;
}

/** What a handler answers. `chunks` is streamed with back-pressure. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  readonly bytes?: Uint8Array;
  readonly chunks?: AsyncIterable<Uint8Array | string>;
}

/** One address of the API. The OpenAPI document is made from these. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'ANY';
  /** `/v1/customers/:id/usage`; a trailing `*` takes any rest. */
  readonly path: string;
  /** Scope a key needs; `open`: none on loopback, else `read` (health, metrics, OpenAPI); `public`: none ever (pages). */
  readonly scope: Scope | 'open' | 'public';
  readonly summary: string;
  readonly request?: ZodType;
  readonly response?: ZodType;
  readonly bodyBytesMax?: number;
  handle(context: RequestContext): Promise<Reply> | Reply;
}
