import { type Caller, WeirError } from '../../engine/index.js';
import type { RequestContext } from '../http/index.js';
import type { KeySource } from './key-cache.js';

/**
 * Who sent a request, as the engine asks back. Its key was found when the headers came, and the body may have taken its
 * time: no version is vouched for until it has been looked at again.
 */
export class RequestCaller implements Caller {
  readonly #context: RequestContext;
  readonly #keys: KeySource;
  #version = Number.NaN;

  constructor(context: RequestContext, keys: KeySource) {
    this.#context = context;
    this.#keys = keys;
  }

  get span(): Caller['span'] {
    return this.#context.span;
  }

  get version(): number {
    return this.#version;
  }

  /** The customer was compared with the key as it was: one that is bound to another by now is not good for it. */
  authorizeAgain(): void {
    const bound = this.#context.authorizeAgain()?.customer;
    if (bound !== undefined && bound !== this.#context.key?.customer) {
      throw new WeirError('forbidden', 'this key has just been bound to a customer: send the request again');
    }
    this.#version = this.#keys.version;
  }
}
