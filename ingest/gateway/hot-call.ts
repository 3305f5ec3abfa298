import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import {
  type ApiKey,
  type Caller,
  type Decision,
  INLINE_BODY_BYTES_MAX,
  type RateLimitPolicy,
} from '../../engine/index.js';
import {
  assertCustomer,
  BodyReader,
  CLIENT_GONE,
  type Edge,
  endRequestSpan,
  errorReply,
  type Failure,
  type FastHandler,
  failureReply,
  givenRequestId,
  type HotCounter,
  type HotHistogram,
  makeRequestId,
  REQUEST_ID_HEADER,
  type Reply,
  RequestAborted,
  sendSmall,
  startRequestSpan,
  unpack,
} from '../http/index.js';
import type { KeySource } from './key-cache.js';
import { secondsUp, stateField } from './rate-limit.js';

/** uWS writes a header's value as it is, so further headers ride on the first: each call into it saved is a tenth of a µs. */
const JSON_TYPE = 'application/json\r\nx-content-type-options: nosniff';

/** The first two bytes of gzip (RFC 1952); no JSON begins so, and reading `content-encoding` costs more than looking. */
function looksGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function headersText(policy: RateLimitPolicy, decision: Decision, nowMs: number): string {
  let text = JSON_TYPE;
  if (policy.text !== '') {
    text += `\r\nratelimit-policy: ${policy.text}`;
    const state = stateField(policy, decision.limits, nowMs);
    if (state !== '') text += `\r\nratelimit: ${state}`;
  }
  const { retryAfterMs } = decision;
  return decision.allowed || retryAfterMs === null || retryAfterMs === 0
    ? text
    : `${text}\r\nretry-after: ${secondsUp(retryAfterMs)}`;
}

/** Wall time to a quarter of a second, for `t` of the RateLimit field, whose unit is the second. */
class CoarseClock {
  #ms = 0;
  #readAtMs = Number.NEGATIVE_INFINITY;

  /** @param atMs of performance.now(), which the caller has at hand. */
  nowMs(atMs: number): number {
    if (atMs - this.#readAtMs > 250) {
      this.#readAtMs = atMs;
      this.#ms = Date.now();
    }
    return this.#ms;
  }
}

/** What all calls of one route share. */
export interface HotParts {
  readonly edge: Edge;
  readonly keys: KeySource;
  /** As in the API's paths, for the log and metrics. */
  readonly path: string;
  readonly answered: HotCounter;
  readonly duration: HotHistogram;
  readonly clock: CoarseClock;
}

type MakeCall = (res: HttpResponse, req: HttpRequest, parts: HotParts) => HotCall;

/**
 * A POST route of scope `check` that talks to uWS itself, since the general machinery copies headers and query and
 * awaits several times, which would cost more than all that is done here.
 */
export function hotHandler(path: string, keys: KeySource, make: MakeCall): (edge: Edge) => FastHandler {
  return (edge) => {
    const parts: HotParts = {
      edge,
      keys,
      path,
      answered: edge.metrics.counter(path, 'POST', 200),
      duration: edge.metrics.duration(path),
      clock: new CoarseClock(),
    };
    return (res, req) => {
      const call = make(res, req, parts);
      res.onAborted(() => call.abort());
      if (edge.tracing !== undefined) {
        call.span = startRequestSpan(edge.tracing, 'POST', path, req.getHeader('traceparent'));
      }
      try {
        call.authorizeAgain();
      } catch (error) {
        call.fail(error);
        return;
      }
      res.onData((chunk, isLast) => call.take(chunk, isLast));
    };
  };
}

/** `handle` of a route that has `fast`. */
export const servedFast = (): never => {
  throw new Error('this route is served by its own handler');
};

/** One request on its way: body → `ask` → engine → answer. The engine asks it back whether its key is still good. */
export abstract class HotCall implements Caller {
  readonly #res: HttpResponse;
  readonly #parts: HotParts;
  readonly #authorization: string;
  readonly #weirKey: string;
  /** The caller's; '' where it brings none, and then one is made for an error only. */
  readonly #requestId: string;
  readonly #startedMs = performance.now();
  #aborted = false;
  /** Something of the body came, if only its end. */
  #began = false;
  #reader: BodyReader | undefined;
  #key: ApiKey | undefined;
  #customer: string | undefined;
  version = Number.NaN;
  span: Caller['span'];

  constructor(res: HttpResponse, req: HttpRequest, parts: HotParts) {
    this.#res = res;
    this.#parts = parts;
    // A header costs a third of a microsecond or more: the key that would not count is not looked for.
    this.#weirKey = req.getHeader('x-weir-key');
    this.#authorization = this.#weirKey === '' ? req.getHeader('authorization') : '';
    this.#requestId = givenRequestId(req.getHeader(REQUEST_ID_HEADER));
    parts.edge.begin();
  }

  /** Reads the body, and asks the engine. @throws WeirError for a body that is none of the route's. */
  protected abstract ask(body: Buffer): void;

  /** Names whom the request is about. @throws WeirError forbidden, for a key that is bound to another customer. */
  protected claim(customer: string): void {
    assertCustomer(this.#key, customer);
    this.#customer = customer;
  }

  authorizeAgain(): void {
    const { edge, keys } = this.#parts;
    this.#key = edge.authorize(this.#authorization, this.#weirKey, 'check');
    if (this.#customer !== undefined) assertCustomer(this.#key, this.#customer);
    this.version = keys.version;
  }

  abort(): void {
    this.#aborted = true;
    // A head that uWS refuses after it has called us: no body comes, and nothing else would end the call.
    if (!this.#began) this.fail(new RequestAborted());
    this.#reader?.abort();
  }

  /** A body comes whole in one chunk, nearly always: then nothing is copied. */
  take(chunk: ArrayBuffer, isLast: boolean): void {
    this.#began = true;
    if (this.#reader === undefined) {
      if (isLast && chunk.byteLength <= INLINE_BODY_BYTES_MAX) {
        this.#decode(Buffer.from(chunk));
        return;
      }
      this.#reader = new BodyReader(INLINE_BODY_BYTES_MAX, this.#parts.edge.bodies);
      this.#reader.wire().then(
        (bytes) => this.#decode(bytes),
        (error: unknown) => this.fail(error),
      );
    }
    this.#reader.feed(chunk, isLast);
  }

  #decode(bytes: Buffer): void {
    if (looksGzip(bytes)) {
      unpack(Buffer.copyBytesFrom(bytes), INLINE_BODY_BYTES_MAX).then(
        (unpacked) => this.#ask(unpacked),
        (error: unknown) => this.fail(error),
      );
    } else this.#ask(bytes);
  }

  #ask(bytes: Buffer): void {
    try {
      this.ask(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Waits for the engine. `answer` ends the call, or throws. */
  protected settle<Outcome>(asked: Promise<Outcome>, answer: (outcome: Outcome) => void): void {
    asked.then(
      (outcome) => {
        try {
          answer(outcome);
        } catch (error) {
          this.fail(error);
        }
      },
      (error: unknown) => this.fail(error),
    );
  }

  /** Answers 200 with a decision's RateLimit fields. */
  protected answer(body: string, policy: RateLimitPolicy, decision: Decision): void {
    const { edge, answered, clock } = this.#parts;
    const atMs = performance.now();
    let headers = headersText(policy, decision, clock.nowMs(atMs));
    if (this.#requestId !== '') headers += `\r\n${REQUEST_ID_HEADER}: ${this.#requestId}`;
    const res = this.#res;
    if (!this.#aborted) {
      res.cork(() => {
        res.writeHeader('content-type', headers);
        res.end(body, edge.draining);
      });
    }
    answered.inc();
    this.#end(atMs, 200);
  }

  /** Answers what the engine refused as the caller's mistake. */
  protected refuse(failure: Failure): void {
    const reply = failureReply(failure);
    this.#send(reply, reply.status, this.#requestId || makeRequestId());
  }

  /** Answers an error of any kind, once. */
  fail(error: unknown): void {
    if (error instanceof RequestAborted) {
      this.#send(undefined, CLIENT_GONE, '');
      return;
    }
    const requestId = this.#requestId || makeRequestId();
    const blamed = this.#parts.edge.blame(error, this.#parts.path, requestId);
    this.#send(errorReply(blamed), blamed.status, requestId);
  }

  #send(reply: Reply | undefined, status: number, requestId: string): void {
    const { edge, path } = this.#parts;
    const stalled = this.#reader?.stalled === true;
    if (reply !== undefined && !this.#aborted) {
      sendSmall(this.#res, reply, requestId, edge.draining || stalled);
    }
    edge.metrics.counter(path, 'POST', status).inc();
    this.#end(performance.now(), status);
  }

  #end(atMs: number, status: number): void {
    this.#reader?.release();
    const { tracing } = this.#parts.edge;
    if (tracing !== undefined && this.span !== undefined) endRequestSpan(tracing, this.span, status);
    this.#parts.duration.observeMs(atMs - this.#startedMs);
    this.#parts.edge.end();
  }
}
