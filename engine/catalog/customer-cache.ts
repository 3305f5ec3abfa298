import type { Customer } from '../contract/catalog.js';
import { Generations } from '../platform/generations.js';

interface CachedCustomer {
  readonly customer: Customer;
  /** Catalog version of its last change. */
  readonly version: number;
}

/** Negative entries get a smaller cache of their own: requests for customers that do not exist evict none that does. */
const ABSENT_SHARE = 10;

/** Customers and absences of customers, at most `max` and a tenth of it. */
export class CustomerCache {
  readonly #max: number;
  #present: Generations<CachedCustomer>;
  #absent: Generations<true>;
  /** What was known before the last reset: objects that turn out unchanged keep their identity.
   * Dropped once as many are known anew. */
  #before: Generations<CachedCustomer> | undefined;

  constructor(max: number) {
    this.#max = max;
    this.#present = new Generations(max);
    this.#absent = new Generations(Math.ceil(max / ABSENT_SHARE));
  }

  get size(): number {
    return this.#present.size + this.#absent.size;
  }

  /** The customer, null when there is none, undefined when that is not known. */
  get(id: string): Customer | null | undefined {
    const cached = this.#present.get(id);
    if (cached !== undefined) return cached.customer;
    return this.#absent.get(id) === true ? null : undefined;
  }

  setAbsent(id: string): void {
    this.#present.delete(id);
    this.#absent.set(id, true);
  }

  /** @param read makes the object, where the one known already is of another version. */
  setPresent(id: string, version: number, read: () => Customer): Customer {
    const known = this.#present.get(id) ?? this.#before?.get(id);
    const cached = known?.version === version ? known : { customer: read(), version };
    this.#absent.delete(id);
    this.#present.set(id, cached);
    if (this.#present.size * 2 > this.#max) this.#before = undefined;
    return cached.customer;
  }

  delete(id: string): void {
    this.#present.delete(id);
    this.#absent.delete(id);
  }

  /** Forgets all answers. @param sameCatalog false when versions of before mean nothing any more. */
  reset(sameCatalog: boolean): void {
    this.#before = sameCatalog ? this.#present : undefined;
    this.#present = new Generations(this.#max);
    this.#absent = new Generations(Math.ceil(this.#max / ABSENT_SHARE));
  }
}
