import type { HttpResponse } from 'uWebSockets.js';
import type { BodyReader } from './body.js';
import type { Delivery } from './respond.js';

/**
 * One request on its way: knows whether the client is still there. uWS frees the response on an abort, so everything
 * that touches it asks here first.
 */
export class Exchange implements Delivery {
  readonly #res: HttpResponse;
  readonly #edge: { readonly draining: boolean };
  readonly head: boolean;
  /** The caller's, or one of this process. */
  readonly requestId: string;
  readonly startedMs = performance.now();
  reader: BodyReader | undefined;
  #aborted = false;
  #wake: ((more: boolean) => void) | undefined;
  #listens = false;

  /** Attaches the abort handler: must happen before the first await. */
  constructor(res: HttpResponse, head: boolean, requestId: string, edge: { readonly draining: boolean }) {
    this.#res = res;
    this.#edge = edge;
    this.head = head;
    this.requestId = requestId;
    res.onAborted(() => {
      this.#aborted = true;
      this.reader?.abort();
      this.#tell(false);
    });
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get close(): boolean {
    return this.#edge.draining || this.reader?.stalled === true;
  }

  writable(): Promise<boolean> {
    if (this.#aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#listens) return;
      this.#listens = true;
      this.#res.onWritable(() => {
        this.#tell(true);
        // Writing on happens after this callback: nothing failed here.
        return true;
      });
    });
  }

  #tell(more: boolean): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.(more);
  }
}
