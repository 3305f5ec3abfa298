import type { MessagePort } from 'node:worker_threads';
import { BODY_BYTES_MAX, EVENT_BODY_BYTES_MAX } from '../../engine/contract/constants.js';
import { type ErrorCode, WeirError } from '../../engine/contract/errors.js';
import { unpack } from '../http/body.js';
import { type CheckBatch, decodeChecks, decodeEvents, type EventChunk, type EventFormat, tooDeep } from './decode.js';

/** The pool's side of decode-pool.ts: unpacks, parses and checks large bodies away from the event loop. */

/** What both kinds of task carry. The bytes are moved here, not copied. */
interface TaskBase {
  readonly bytes: Uint8Array;
  readonly gzip: boolean;
  /** The customer that the key is bound to. */
  readonly customer: string | undefined;
}

export interface EventsTask extends TaskBase {
  readonly kind: 'events';
  readonly format: EventFormat;
  /** Chunks go out here, each after the one before was asked for. */
  readonly port: MessagePort;
}

export interface ChecksTask extends TaskBase {
  readonly kind: 'checks';
}

/** An error of the registry on its way between threads, where classes are lost. */
export interface CarriedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly field: string | undefined;
}

export type DecodeResult =
  | { readonly status: 'done'; readonly batch: CheckBatch | undefined }
  | { readonly status: 'failed'; readonly error: CarriedError };

/** Named by decode-pool.ts as the pool's task. */
export async function decode(task: EventsTask | ChecksTask): Promise<DecodeResult> {
  try {
    const bytesMax = task.kind === 'events' ? EVENT_BODY_BYTES_MAX : BODY_BYTES_MAX;
    const bytes = task.gzip ? await unpack(task.bytes, bytesMax) : task.bytes;
    if (task.kind === 'checks') return { status: 'done', batch: decodeChecks(bytes, task.customer) };
    await sendEvents(task, bytes);
    return { status: 'done', batch: undefined };
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return { status: 'failed', error: { code: error.code, message: error.message, field: error.field } };
  }
}

/** Sends a chunk, waits until it is asked for the next, and stops early when the other side closes. */
async function sendEvents(task: EventsTask, bytes: Uint8Array): Promise<void> {
  const { port } = task;
  let closed = false;
  let wake: () => void = () => undefined;
  port.on('message', () => wake());
  port.on('close', () => {
    closed = true;
    wake();
  });
  try {
    for (const chunk of decodeEvents(bytes, task.format, task.customer)) {
      if (closed) return;
      const asked = new Promise<void>((resolve) => {
        wake = resolve;
      });
      post(port, chunk);
      await asked;
    }
  } finally {
    port.close();
  }
}

/** @throws WeirError invalid_request for what is nested past a thread's stack. */
function post(port: MessagePort, chunk: EventChunk): void {
  try {
    port.postMessage(chunk);
  } catch (error) {
    throw error instanceof RangeError ? tooDeep() : error;
  }
}
