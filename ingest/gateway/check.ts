import type { HttpResponse } from 'uWebSockets.js';
import {
  type ApiKey,
  type Caller,
  type CheckOutcome,
  type CheckRequest,
  checkRequestSchema,
  type Decision,
  type Engine,
  ERRORS,
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
  type FastHandler,
  failureReply,
  givenRequestId,
  type HotCounter,
  type HotHistogram,
  makeRequestId,
  parseJson,
  REQUEST_ID_HEADER,
  RequestAborted,
  sendSmall,
  startRequestSpan,
  unpack,
  validate,
  withRequestId,
} from '../http/index.js';
import { decisionText, failureOf } from './decision-json.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';
import { secondsUp, stateField } from './rate-limit.js';
import { scanCheck } from './scan-check.js';

const PATH = '/v1/check';

/** uWS writes a header's value as it is, so further headers ride on the first: each call into it saved is a tenth of a µs. */
const JSON_TYPE = 'application/json\r\nx-content-type-options: nosniff';

/** The first two bytes of gzip (RFC 1952); no JSON begins so, and reading `content-encoding` costs more than looking. */
function looksGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function headersText(policy: RateLimitPolicy, decision: Decision, nowMs: number): string {
  let text = JSON_TYPE;
  if (policy.text !== '') {
    text += `\r\nratelimit-policy: ${policy.text}\r\nratelimit: ${stateField(policy, decision.limits, nowMs)}`;
  }
  const { retryAfterMs } = decision;
  return retryAfterMs === null || retryAfterMs === 0 ? text : `${text}\r\nretry-after: ${secondsUp(retryAfterMs)}`;
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

interface CheckParts {
  readonly edge: Edge;
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly decisions: GatewayMetrics;
  readonly answered: HotCounter;
  readonly duration: HotHistogram;
  readonly clock: CoarseClock;
}

/**
 * `POST /v1/check`, the hot path: it talks to uWS itself, since the general machinery copies headers and query and
 * awaits several times, which would cost more than all that is done here.
 */
export function checkHandler(engine: Engine, keys: KeySource, decisions: GatewayMetrics): (edge: Edge) => FastHandler {
  return (edge) => {
    const parts: CheckParts = {
      edge,
      engine,
      keys,
      decisions,
      answered: edge.metrics.counter(PATH, 'POST', 200),
      duration: edge.metrics.duration(PATH),
      clock: new CoarseClock(),
    };
    return (res, req) => {
      // A header costs a third of a microsecond or more: the key that would not count is not looked for.
      const weirKey = req.getHeader('x-weir-key');
      const authorization = weirKey === '' ? req.getHeader('authorization') : '';
      const call = new CheckCall(res, parts, authorization, weirKey, givenRequestId(req.getHeader(REQUEST_ID_HEADER)));
      res.onAborted(() => call.abort());
      if (edge.tracing !== undefined) {
        call.span = startRequestSpan(edge.tracing, 'POST', PATH, req.getHeader('traceparent'));
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

/** One check on its way: body → request → engine → answer. The engine asks it back whether its key is still good. */
class CheckCall implements Caller {
  readonly #res: HttpResponse;
  readonly #parts: CheckParts;
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
  #request: CheckRequest | undefined;
  version = Number.NaN;
  span: Caller['span'];

  constructor(res: HttpResponse, parts: CheckParts, authorization: string, weirKey: string, requestId: string) {
    this.#res = res;
    this.#parts = parts;
    this.#authorization = authorization;
    this.#weirKey = weirKey;
    this.#requestId = requestId;
    parts.edge.begin();
  }

  authorizeAgain(): void {
    const { edge, keys } = this.#parts;
    this.#key = edge.authorize(this.#authorization, this.#weirKey, 'check');
    if (this.#request !== undefined) assertCustomer(this.#key, this.#request.customer);
    this.version = keys.version;
  }

  abort(): void {
    this.#aborted = true;
    // A head that uWS refuses after it has called us: no body comes, and nothing else would end the call.
    if (!this.#began) this.fail(new RequestAborted());
    this.#reader?.abort();
  }

  /** A check comes whole in one chunk, nearly always: then nothing is copied. */
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
    let request: CheckRequest;
    try {
      request = scanCheck(bytes) ?? validate(checkRequestSchema, parseJson(bytes));
      assertCustomer(this.#key, request.customer);
      this.#request = request;
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#parts.engine.check(request, this).then(
      (outcome) => this.#answer(request, outcome),
      (error: unknown) => this.fail(error),
    );
  }

  #answer(request: CheckRequest, outcome: CheckOutcome): void {
    if (outcome.status === 'failed') {
      this.#send(failureReply(failureOf(outcome)), ERRORS[outcome.code].status, this.#requestId || makeRequestId());
      return;
    }
    const { decision, scale, policy } = outcome;
    const { edge, decisions, answered, clock } = this.#parts;
    const atMs = performance.now();
    let body: string;
    let headers: string;
    try {
      body = decisionText(request, decision, scale);
      headers = headersText(policy, decision, clock.nowMs(atMs));
      if (this.#requestId !== '') headers += `\r\n${REQUEST_ID_HEADER}: ${this.#requestId}`;
    } catch (error) {
      this.fail(error);
      return;
    }
    const res = this.#res;
    if (!this.#aborted) {
      res.cork(() => {
        res.writeHeader('content-type', headers);
        res.end(body, edge.draining);
      });
    }
    decisions.decided(decision);
    answered.inc();
    this.#end(atMs, 200);
  }

  /** Answers an error of any kind, once. */
  fail(error: unknown): void {
    if (error instanceof RequestAborted) {
      this.#send(undefined, CLIENT_GONE, '');
      return;
    }
    const requestId = this.#requestId || makeRequestId();
    const blamed = this.#parts.edge.blame(error, PATH, requestId);
    this.#send(errorReply(blamed), blamed.status, requestId);
  }

  #send(reply: ReturnType<typeof errorReply> | undefined, status: number, requestId: string): void {
    const { edge } = this.#parts;
    const stalled = this.#reader?.stalled === true;
    if (reply !== undefined && !this.#aborted) {
      sendSmall(this.#res, withRequestId(reply, requestId), edge.draining || stalled);
    }
    edge.metrics.counter(PATH, 'POST', status).inc();
    this.#end(performance.now(), status);
  }

  #end(atMs: number, status: number): void {
    const { tracing } = this.#parts.edge;
    if (tracing !== undefined && this.span !== undefined) endRequestSpan(tracing, this.span, status);
    this.#reader?.release();
    this.#parts.duration.observeMs(atMs - this.#startedMs);
    this.#parts.edge.end();
  }
}
