import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { INLINE_BODY_BYTES_MAX, WeirError } from '../../engine/index.js';
import { packageRoot } from '../../engine/platform/assets.js';
import { unpack, type WireBody } from '../http/index.js';
import { type CheckBatch, decodeChecks, decodeEvents, type EventChunk, type EventFormat, tooDeep } from './decode.js';
import type { CarriedError, ChecksTask, DecodeResult, EventsTask } from './decode.worker.js';

/** Large bodies that wait for a thread; past it the caller hears 503 `overloaded`. */
const QUEUE_TASKS_MAX = 32;

/** Heap of one thread: a body of 10 MiB makes some 100 MB of objects. */
const THREAD_HEAP_MB_MAX = 512;

/** From the sources (tests) the compiled worker is taken: a thread cannot load TypeScript. */
function workerFile(): string {
  const own = fileURLToPath(import.meta.url);
  return own.endsWith('.ts')
    ? join(packageRoot(), 'dist/ingest/gateway/decode.worker.js')
    : own.replace(/decode-pool\.js$/, 'decode.worker.js');
}

/**
 * Decodes bodies: small ones at once, since handing them over would cost more; large ones, and what unpacks to a large
 * one, in threads of lower priority, so that an import of 10 MiB never delays a check.
 */
export class DecodePool {
  readonly #pool = new Piscina({
    filename: workerFile(),
    name: 'decode',
    minThreads: 1,
    maxThreads: Math.max(1, Math.min(2, availableParallelism() - 1)),
    maxQueue: QUEUE_TASKS_MAX,
    niceIncrement: 10,
    resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB_MAX },
  });

  /** The events of a body, chunk by chunk. @throws WeirError for the body as a whole. */
  async *events(body: WireBody, format: EventFormat, customer: string | undefined): AsyncGenerator<EventChunk> {
    const small = await smallBody(body);
    if (small !== undefined) yield* decodeEvents(small, format, customer);
    else yield* this.#largeEvents(body, format, customer);
  }

  /** The checks of a batch. @throws WeirError for the body as a whole. */
  async checks(body: WireBody, customer: string | undefined): Promise<CheckBatch> {
    const small = await smallBody(body);
    if (small !== undefined) return decodeChecks(small, customer);
    const bytes = movable(body.bytes);
    const task: ChecksTask = { kind: 'checks', bytes, gzip: body.gzip, customer };
    const result = await this.#run(task, [bytes.buffer]);
    if (result.status === 'failed') throw carried(result.error);
    if (result.batch === undefined) throw new Error('a batch of checks was decoded without an outcome');
    return result.batch;
  }

  async *#largeEvents(body: WireBody, format: EventFormat, customer: string | undefined): AsyncGenerator<EventChunk> {
    const { port1, port2 } = new MessageChannel();
    const bytes = movable(body.bytes);
    const task: EventsTask = { kind: 'events', bytes, gzip: body.gzip, format, customer, port: port2 };
    const inbox = new Inbox(port1);
    const run = this.#run(task, [bytes.buffer, port2]).then(
      (result) => inbox.end(result.status === 'failed' ? carried(result.error) : undefined),
      (error: unknown) => inbox.end(error),
    );
    try {
      for (let chunk = await inbox.next(); chunk !== undefined; chunk = await inbox.next()) yield chunk;
    } finally {
      port1.close();
      await run;
    }
  }

  async #run(task: EventsTask | ChecksTask, transferList: (ArrayBuffer | MessagePort)[]): Promise<DecodeResult> {
    if (this.#pool.queueSize >= QUEUE_TASKS_MAX) throw new WeirError('overloaded', 'too many large bodies at once');
    const result: DecodeResult = await this.#pool.run(task, { transferList });
    return result;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Takes chunks from a thread, one at a time: the next is asked for when this one is used up, a turn of the loop later. */
class Inbox {
  readonly #port: MessagePort;
  #chunk: EventChunk | undefined;
  #ended = false;
  #error: unknown;
  #asks = false;
  #wake: () => void = () => undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (chunk: EventChunk) => {
      this.#chunk = chunk;
      this.#wake();
    });
    // What is nested past a thread's stack cannot be carried: unheard, it would keep the thread waiting for ever.
    port.on('messageerror', () => this.end(tooDeep()));
  }

  /** The task is over; a chunk that is still under way is read first. */
  end(error: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  async next(): Promise<EventChunk | undefined> {
    if (this.#asks) {
      // Reading on at once would keep the loop for the whole body, one chunk after the other.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      this.#port.postMessage('next');
    }
    this.#asks = true;
    while (this.#chunk === undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const chunk = this.#chunk;
    this.#chunk = undefined;
    if (chunk === undefined && this.#error !== undefined) throw this.#error;
    return chunk;
  }
}

/** The body when it is small, also unpacked; undefined for the pool. */
async function smallBody({ bytes, gzip }: WireBody): Promise<Uint8Array | undefined> {
  if (bytes.length > INLINE_BODY_BYTES_MAX) return undefined;
  if (!gzip) return bytes;
  try {
    return await unpack(bytes, INLINE_BODY_BYTES_MAX);
  } catch (error) {
    if (error instanceof WeirError && error.code === 'body_too_large') return undefined;
    throw error;
  }
}

/** Bytes that own their memory, and so can be moved to a thread. */
function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}

/** An error that came from a thread, as the class it was there. Its message is whole already. */
function carried({ code, message, field }: CarriedError): WeirError {
  const error = new WeirError(code, undefined, field === undefined ? {} : { field });
  error.message = message;
  return error;
}
