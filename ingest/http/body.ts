import type { HttpResponse } from 'uWebSockets.js';
import { gunzip } from 'node:zlib';
import { WeirError } from '../../engine/contract/errors.js';
import { BODIES_BYTES_MAX, BODY_MS_MAX, BODY_STALL_BYTES, BODY_STALL_MS, BODY_SWEEP_MS } from './bounds.js';

/** The client went away before its request was whole. Nobody is left to answer. */
export class RequestAborted extends Error {
  constructor() {
    super('the client closed the connection');
    this.name = 'RequestAborted';
  }
}

/** What is left of a body that was given back. One for all: an error with its stack costs more than reading a body. */
const RELEASED = new RequestAborted();

/** What all bodies of one server share: the bytes they may hold together, and the timer that finds the stalled ones. */
export class BodyWatch {
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #reading = new Set<BodyReader>();
  readonly #bytesMax: number;
  readonly stallMs: number;

  constructor(bytesMax = BODIES_BYTES_MAX, stallMs = BODY_STALL_MS) {
    this.#bytesMax = bytesMax;
    this.stallMs = stallMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  add(reader: BodyReader): void {
    this.#reading.add(reader);
    this.#timer ??= setInterval(() => this.#sweep(), Math.min(BODY_SWEEP_MS, this.stallMs / 4)).unref();
  }

  remove(reader: BodyReader): void {
    this.#reading.delete(reader);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const reader of this.#reading) reader.checkPace(nowMs);
  }
}

/**
 * Collects one body: bounded, timed, and copied, since uWS takes its chunks back when the callback returns.
 * After a refusal it goes on reading and drops what comes: a client that is cut off while it sends sees a broken pipe
 * instead of the answer.
 */
export class BodyReader {
  readonly #watch: BodyWatch;
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #outcome: Buffer | Error | undefined;
  #waiting: ((outcome: Buffer | Error) => void)[] = [];
  #startedMs = 0;
  #pacedMs = 0;
  #pacedBytes = 0;

  constructor(bytesMax: number, watch: BodyWatch) {
    this.#watch = watch;
    this.#bytesMax = bytesMax;
  }

  /**
   * Reads the body of this response's request. uWS calls back in the same turn, with an empty chunk if nothing came yet.
   * @param contentLength the header as it came; a length past the bound is refused before anything is read.
   */
  attach(res: HttpResponse, contentLength: string): this {
    if (Number(contentLength) > this.#bytesMax) this.#settle(tooLarge(this.#bytesMax));
    else res.onData((chunk, isLast) => this.feed(chunk, isLast));
    return this;
  }

  /** The body as it came. @throws WeirError body_too_large, body_timeout, overloaded; RequestAborted. */
  wire(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const tell = (outcome: Buffer | Error): void => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      if (this.#outcome === undefined) this.#waiting.push(tell);
      else tell(this.#outcome);
    });
  }

  /** True while bytes are still to come: a timed-out sender's connection is ended with the answer. */
  get stalled(): boolean {
    return this.#outcome instanceof WeirError && this.#outcome.code === 'body_timeout';
  }

  abort(): void {
    if (this.#outcome === undefined) this.#settle(new RequestAborted());
  }

  /** Gives the held bytes back; the body must not be used any more. */
  release(): void {
    this.abort();
    this.#watch.give(this.#bytes);
    this.#bytes = 0;
    this.#outcome = RELEASED;
  }

  checkPace(nowMs: number): void {
    if (this.#outcome !== undefined) return;
    const late = nowMs - this.#startedMs > BODY_MS_MAX;
    const checks = nowMs - this.#pacedMs >= this.#watch.stallMs;
    if (late || (checks && this.#bytes - this.#pacedBytes < BODY_STALL_BYTES)) {
      this.#settle(new WeirError('body_timeout'));
    } else if (checks) {
      this.#pacedMs = nowMs;
      this.#pacedBytes = this.#bytes;
    }
  }

  /** Takes one chunk as uWS gives it. */
  feed(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#outcome !== undefined) return;
    const bytes = chunk.byteLength;
    if (this.#bytes + bytes > this.#bytesMax) {
      this.#settle(tooLarge(this.#bytesMax));
    } else if (!this.#watch.take(bytes)) {
      this.#settle(new WeirError('overloaded', 'too many bodies at once'));
    } else {
      this.#bytes += bytes;
      if (bytes > 0) this.#chunks.push(Buffer.from(chunk.slice(0)));
      if (isLast) this.#settle(this.#whole());
      else if (this.#startedMs === 0) this.#watchPace();
    }
  }

  #whole(): Buffer {
    const [only] = this.#chunks;
    return this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
  }

  #watchPace(): void {
    this.#startedMs = performance.now();
    this.#pacedMs = this.#startedMs;
    this.#watch.add(this);
  }

  #settle(outcome: Buffer | Error): void {
    this.#outcome = outcome;
    this.#chunks = [];
    if (outcome instanceof Error) {
      this.#watch.give(this.#bytes);
      this.#bytes = 0;
    }
    if (this.#startedMs !== 0) this.#watch.remove(this);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell(outcome);
  }
}

function tooLarge(bytesMax: number): WeirError {
  return new WeirError('body_too_large', `at most ${bytesMax} bytes`);
}

/** True for gzip, false for none. @throws WeirError unsupported_media_type for any other content encoding. */
export function isGzip(contentEncoding: string): boolean {
  const encoding = contentEncoding.trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return false;
  if (encoding === 'gzip' || encoding === 'x-gzip') return true;
  throw new WeirError('unsupported_media_type', 'the content encoding may be gzip or none');
}

/**
 * Unpacks gzip off the event loop. zlib counts what it has put out and stops at the bound, so a bomb costs no more
 * than the bound.
 * @throws WeirError body_too_large past the bound, invalid_gzip for anything else that is wrong.
 */
export function unpack(bytes: Uint8Array, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: bytesMax }, (error, unpacked) => {
      if (error === null) resolve(unpacked);
      else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
        reject(new WeirError('body_too_large', `unpacks to more than ${bytesMax} bytes`));
      } else reject(new WeirError('invalid_gzip', error.message));
    });
  });
}
