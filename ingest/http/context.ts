import type { HttpRequest } from 'uWebSockets.js';
import type { Span } from '@opentelemetry/api';
import type { ZodType } from 'zod';
import { type ApiKey, isId, WeirError } from '../../engine/index.js';
import { type BodyReader, isGzip, unpack } from './body.js';
import { headerText } from './header-text.js';
import type { RequestContext, WireBody } from './types.js';
import { parseJson, validate } from './validate.js';

/** A copy of all headers: the request is gone after the first await. One sent twice is joined, so that no second one hides. */
export function copyHeaders(req: HttpRequest): Map<string, string> {
  const headers = new Map<string, string>();
  req.forEach((name, value) => {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  });
  return headers;
}

/** Names of a path's `:name` parts, in order. */
export function parameterNames(path: string): string[] {
  return [...path.matchAll(/:([A-Za-z]+)/g)].map((match) => match[1] ?? '');
}

/** @throws WeirError invalid_request for a part that is not percent-encoded UTF-8, or no id. */
export function decodeParameter(name: string, raw: string): string {
  let value = raw;
  try {
    if (raw.includes('%')) value = decodeURIComponent(raw);
  } catch {
    throw new WeirError('invalid_request', `${name} in the path is not percent-encoded UTF-8`, { field: name });
  }
  if (!isId(value)) {
    throw new WeirError('invalid_request', `${name} in the path must be 1 to 256 printable characters`, {
      field: name,
    });
  }
  return value;
}

/** What is copied out of uWS's request before the first await. */
export interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly rawParameters: readonly string[];
}

interface ContextParts {
  readonly incoming: Incoming;
  readonly params: Readonly<Record<string, string>>;
  readonly key: ApiKey | undefined;
  /** @throws WeirError invalid_key, forbidden. */
  readonly authorizeAgain: () => ApiKey | undefined;
  readonly reader: BodyReader | undefined;
  readonly bodyBytesMax: number;
  readonly span: Span | undefined;
}

/** The request as handlers see it: plain copies, and a body that is collected meanwhile. */
export class Context implements RequestContext {
  readonly #parts: ContextParts;
  #query: URLSearchParams | undefined;

  constructor(parts: ContextParts) {
    this.#parts = parts;
  }

  get method(): string {
    return this.#parts.incoming.method;
  }

  get path(): string {
    return this.#parts.incoming.path;
  }

  get span(): Span | undefined {
    return this.#parts.span;
  }

  get params(): Readonly<Record<string, string>> {
    return this.#parts.params;
  }

  get key(): ApiKey | undefined {
    return this.#parts.key;
  }

  authorizeAgain(): ApiKey | undefined {
    return this.#parts.authorizeAgain();
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#parts.incoming.query);
    return this.#query;
  }

  header(name: string): string {
    return headerText(this.#parts.incoming.headers.get(name) ?? '');
  }

  async wireBody(): Promise<WireBody> {
    const gzip = isGzip(this.header('content-encoding'));
    const bytes = (await this.#parts.reader?.wire()) ?? Buffer.alloc(0);
    return { bytes, gzip };
  }

  async body(): Promise<Buffer> {
    const { bytes, gzip } = await this.wireBody();
    return gzip ? unpack(bytes, this.#parts.bodyBytesMax) : bytes;
  }

  async json<T>(schema: ZodType<T>): Promise<T> {
    return validate(schema, parseJson(await this.body()));
  }

  parseQuery<T>(schema: ZodType<T>): T {
    const values: Record<string, string> = {};
    for (const [name, value] of this.query) {
      if (Object.hasOwn(values, name)) {
        throw new WeirError('invalid_request', `the query has ${name} twice`, { field: name });
      }
      Object.defineProperty(values, name, { value, enumerable: true });
    }
    return validate(schema, values);
  }
}
