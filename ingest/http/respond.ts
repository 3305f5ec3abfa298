import type { HttpResponse } from 'uWebSockets.js';
import { ERRORS, type ErrorBody, type ErrorCode, errorBody, type WeirError } from '../../engine/index.js';
import { TRY_END_BYTES } from './bounds.js';
import { jsonWithRequestId, REQUEST_ID_HEADER } from './request-id.js';
import type { Reply } from './types.js';

const STATUS_TEXT: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** `200` → `200 OK`, the first line's end. */
export function statusLine(status: number): string {
  return `${status} ${STATUS_TEXT[status] ?? 'Unknown'}`;
}

/**
 * Headers that go with every answer unless it brings its own. An answer is for its caller only and is stale at once, so
 * no cache may keep it; `nosniff` keeps a browser from taking one for a page.
 */
const DEFAULT_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

/** Further headers of pages: nobody may frame them, and links do not tell where they were followed. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

const FORBIDDEN_IN_HEADER = /[^\t\x20-\x7e\x80-\xff]/;

/** How an answer meets its connection. */
export interface Delivery {
  readonly head: boolean;
  /** Goes with every answer. */
  readonly requestId: string;
  /** End the connection with the answer (draining, or a sender that stalls). */
  readonly close: boolean;
  /** Resolves when the socket takes more, false when the client is gone. */
  writable(): Promise<boolean>;
  readonly aborted: boolean;
}

function errorHeaders(status: number): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer realm="weir"' };
  return status === 503 ? { 'retry-after': '1' } : {};
}

/** The answer to an error: its registry status, body, and the headers that go with it. */
export function errorReply(error: WeirError): Reply {
  return { status: error.status, json: errorBody(error), headers: errorHeaders(error.status) };
}

/** What the engine reports of one failed item: a code of the registry, and the whole message. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly field?: string;
}

/** The body of a failure, in the shape of every error. */
export function failureBody(failure: Failure): ErrorBody {
  const { code, message, field } = failure;
  return { error: { code, message, ...(field === undefined ? {} : { field }), docs: `docs/errors.md#${code}` } };
}

export function failureReply(failure: Failure): Reply {
  const { status } = ERRORS[failure.code];
  return { status, json: failureBody(failure), headers: errorHeaders(status) };
}

function contentType(reply: Reply): string | undefined {
  if (reply.json !== undefined) return 'application/json';
  if (reply.text !== undefined) return 'text/plain; charset=utf-8';
  if (reply.bytes !== undefined || reply.chunks !== undefined) return 'application/octet-stream';
  return undefined;
}

/** All headers of an answer, checked before the first byte is written. */
function headersOf(reply: Reply, requestId: string): ReadonlyMap<string, string> {
  const headers = new Map(Object.entries(DEFAULT_HEADERS));
  const type = contentType(reply);
  if (type !== undefined) headers.set('content-type', type);
  for (const [name, value] of Object.entries(reply.headers ?? {})) headers.set(name.toLowerCase(), value);
  headers.set(REQUEST_ID_HEADER, requestId);
  if (headers.get('content-type')?.startsWith('text/html') === true) {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) if (!headers.has(name)) headers.set(name, value);
  }
  for (const [name, value] of headers) {
    // uWS writes what it is given: a line break would start a header of the sender's choice.
    if (FORBIDDEN_IN_HEADER.test(value)) throw new Error(`header ${name} has a character that a header cannot carry`);
  }
  return headers;
}

function writeHead(res: HttpResponse, status: number, headers: ReadonlyMap<string, string>): void {
  res.writeStatus(statusLine(status));
  for (const [name, value] of headers) res.writeHeader(name, value);
}

function bodyOf(reply: Reply, requestId: string): Uint8Array | string | undefined {
  if (reply.json !== undefined) return JSON.stringify(jsonWithRequestId(reply, requestId));
  return reply.text ?? reply.bytes;
}

/** Sends an answer and resolves when the socket has taken all of it, or the client is gone. Rejects before the first byte only. */
export async function sendReply(res: HttpResponse, reply: Reply, delivery: Delivery): Promise<void> {
  if (reply.chunks !== undefined) return sendChunks(res, reply, reply.chunks, delivery);
  const body = bodyOf(reply, delivery.requestId);
  const headers = headersOf(reply, delivery.requestId);
  if (delivery.aborted) return;
  if (body !== undefined && body.length > TRY_END_BYTES && !delivery.head && !delivery.close) {
    return sendLarge(res, reply.status, headers, typeof body === 'string' ? Buffer.from(body) : body, delivery);
  }
  sendWhole(res, reply.status, headers, body, delivery.close, delivery.head);
}

/** Sends a small answer at once, in one write. For handlers that talk to uWS themselves; not after an abort. */
export function sendSmall(res: HttpResponse, reply: Reply, requestId: string, close: boolean): void {
  sendWhole(res, reply.status, headersOf(reply, requestId), bodyOf(reply, requestId), close);
}

function sendWhole(
  res: HttpResponse,
  status: number,
  headers: ReadonlyMap<string, string>,
  body: Uint8Array | string | undefined,
  close: boolean,
  head = false,
): void {
  res.cork(() => {
    writeHead(res, status, headers);
    if (body !== undefined && head) {
      // uWS sends what it is given, and a client would read a body here as the start of the next answer. A length given to
      // endWithoutBody leaves uWS waiting for the body: the connection's next request would end it.
      if (!close) res.writeHeader('content-length', String(Buffer.byteLength(body)));
      endUnsized(res, close);
    } else if (body !== undefined) res.end(body, close);
    else if (status === 204) endUnsized(res, close);
    else res.endWithoutBody(0, close);
  });
}

/**
 * Ends without a body and without a length. uWS counts arguments: an undefined length is written as a huge one, which
 * breaks the connection's next answer. Only a connection that ends here anyway is given a length of 0.
 */
function endUnsized(res: HttpResponse, close: boolean): void {
  if (close) res.endWithoutBody(0, true);
  else res.endWithoutBody();
}

/** tryEnd keeps what the socket does not take out of uWS's own buffer, and tells when all is out. */
async function sendLarge(
  res: HttpResponse,
  status: number,
  headers: ReadonlyMap<string, string>,
  body: Uint8Array,
  delivery: Delivery,
): Promise<void> {
  let done = false;
  res.cork(() => {
    writeHead(res, status, headers);
    [, done] = res.tryEnd(body, body.length);
  });
  while (!done) {
    if (!(await delivery.writable())) return;
    res.cork(() => {
      [, done] = res.tryEnd(body.subarray(res.getWriteOffset()), body.length);
    });
  }
}

async function sendChunks(
  res: HttpResponse,
  reply: Reply,
  chunks: AsyncIterable<Uint8Array | string>,
  delivery: Delivery,
): Promise<void> {
  const headers = headersOf(reply, delivery.requestId);
  const iterator = chunks[Symbol.asyncIterator]();
  // The first chunk is fetched before the status is written: a query that fails at once is still an error answer.
  let next = delivery.head ? undefined : await iterator.next();
  if (delivery.aborted || next === undefined) await iterator.return?.();
  if (delivery.aborted) return;
  res.cork(() => {
    writeHead(res, reply.status, headers);
    if (next === undefined) endUnsized(res, delivery.close);
  });
  try {
    while (next !== undefined && next.done !== true) {
      const chunk: Uint8Array | string = next.value;
      let flows = true;
      res.cork(() => {
        if (chunk.length > 0) flows = res.write(chunk);
      });
      if (!flows && !(await delivery.writable())) {
        await iterator.return?.();
        return;
      }
      next = await iterator.next();
      if (delivery.aborted) {
        await iterator.return?.();
        return;
      }
    }
  } catch (error) {
    // The status is out; only a torn connection tells the client that the rest is missing.
    if (!delivery.aborted) res.close();
    throw new StreamFault(error);
  }
  if (next !== undefined) res.cork(() => res.end('', delivery.close));
}

/** A stream broke after its first bytes: to be logged, not answered. */
export class StreamFault extends Error {
  constructor(cause: unknown) {
    super('the answer broke off', { cause });
    this.name = 'StreamFault';
  }
}
