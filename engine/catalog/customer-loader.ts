import type { Customer } from '../contract/catalog.js';
import { WeirError } from '../contract/errors.js';
import type { CatalogStore } from './catalog-store.js';
import type { CustomerCache } from './customer-cache.js';
import type { StoredText } from './stored.js';

/** Customers of one read. */
const CALL_CUSTOMERS_MAX = 256;
/** Customers asked for and not answered yet. */
const WAITING_MAX = 50_000;
/** Reads of one customer that changes while it is read, again and again. */
const READS_MAX = 16;

interface Load {
  readonly id: string;
  readonly promise: Promise<Customer | null>;
  readonly resolve: (customer: Customer | null) => void;
  readonly reject: (error: unknown) => void;
  /** Version of the latest change of this customer that was applied while the read was under way. */
  changedAt: number;
  reads: number;
}

/**
 * Reads customers into the cache, those of one turn of the event loop together, and each once however many wait for it.
 *
 * A read and a change of the same customer may cross. An answer of version R holds if no change of the customer after
 * R was applied meanwhile; else it is read again. An answer newer than the view waits until the view is as new, so that
 * a customer is never seen with plans of before it.
 */
export class CustomerLoader {
  readonly #store: CatalogStore;
  readonly #cache: CustomerCache;
  readonly #reach: (version: number) => Promise<void>;
  readonly #loads = new Map<string, Load>();
  #queue: Load[] = [];

  /** @param reach resolves once the view is at least at that version. */
  constructor(store: CatalogStore, cache: CustomerCache, reach: (version: number) => Promise<void>) {
    this.#store = store;
    this.#cache = cache;
    this.#reach = reach;
  }

  /** @throws WeirError `overloaded` when too many wait; the client's errors when Redis is away. */
  load(id: string): Promise<Customer | null> {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return Promise.resolve(cached);
    const known = this.#loads.get(id);
    if (known !== undefined) return known.promise;
    if (this.#loads.size >= WAITING_MAX)
      return Promise.reject(new WeirError('overloaded', 'too many customers to load'));
    const load = newLoad(id);
    this.#loads.set(id, load);
    this.#enqueue(load);
    return load.promise;
  }

  /** A change of this customer was applied. */
  invalidate(id: string, version: number): void {
    const load = this.#loads.get(id);
    if (load !== undefined) load.changedAt = version;
  }

  /** Everything was read anew: no answer that is under way holds. */
  forget(): void {
    for (const load of this.#loads.values()) load.changedAt = Number.POSITIVE_INFINITY;
  }

  #enqueue(load: Load): void {
    load.changedAt = -1;
    load.reads += 1;
    if (this.#queue.length === 0) setImmediate(() => this.#flush());
    this.#queue.push(load);
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (let from = 0; from < queue.length; from += CALL_CUSTOMERS_MAX) {
      void this.#read(queue.slice(from, from + CALL_CUSTOMERS_MAX));
    }
  }

  async #read(loads: readonly Load[]): Promise<void> {
    try {
      const { version, objects } = await this.#store.readObjects(
        'customer',
        loads.map(({ id }) => id),
      );
      await this.#reach(version);
      loads.forEach((load, at) => {
        if (load.changedAt > version) this.#again(load);
        else this.#answer(load, objects[at] ?? null);
      });
    } catch (error) {
      for (const load of loads) this.#fail(load, error);
    }
  }

  #answer(load: Load, stored: StoredText | null): void {
    const { id } = load;
    if (stored === null) this.#cache.setAbsent(id);
    else this.#cache.setPresent(id, stored.text);
    this.#loads.delete(id);
    load.resolve(this.#cache.get(id) ?? null);
  }

  #again(load: Load): void {
    if (load.reads < READS_MAX) this.#enqueue(load);
    else this.#fail(load, new WeirError('overloaded', `customer ${load.id} changes too often to be read`));
  }

  #fail(load: Load, error: unknown): void {
    if (this.#loads.get(load.id) === load) this.#loads.delete(load.id);
    load.reject(error);
  }
}

function newLoad(id: string): Load {
  let resolve: Load['resolve'] = () => undefined;
  let reject: Load['reject'] = () => undefined;
  const promise = new Promise<Customer | null>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { id, promise, resolve, reject, changedAt: -1, reads: 0 };
}
