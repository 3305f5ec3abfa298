import type { Customer, CustomerTerms } from '../contract/catalog.js';
import { Generations } from '../platform/generations.js';
import { parseStoredBody } from './objects.js';

interface CachedCustomer {
  readonly terms: CustomerTerms;
  readonly name: string | undefined;
  /** About what it takes. */
  readonly bytes: number;
}

/**
 * Bytes of a customer: its id and its place in the map; its name; terms of its own, and what is derived from them.
 * Measured: 62 of a million customers of one plan, 168 with a name, 3 760 of one that begins at a time of its own and
 * has used a feature with two limits. A map is up to half empty.
 */
const ENTRY_BYTES = 120;
const NAME_BYTES = 80;
const TERMS_BYTES = 4_000;

/** Negative entries get a smaller cache of their own: requests for customers that do not exist evict none that does. */
const ABSENT_SHARE = 10;

/**
 * Customers and absences of customers, within a number of bytes. Customers with the same terms share one object of them,
 * and whatever is derived from it: a million customers of a few plans take a tenth of a GB.
 */
export class CustomerCache {
  readonly #bytesMax: number;
  #present: Generations<CachedCustomer>;
  #absent: Generations<true>;
  /** By their text, without id and name: the customer without a name that has them. */
  #byTerms: Generations<CachedCustomer>;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#byTerms = this.#newByTerms();
    this.#present = this.#newPresent();
    this.#absent = this.#newAbsent();
  }

  get size(): number {
    return this.#present.size + this.#absent.size;
  }

  /** What the customer is decided by, null when there is none, undefined when that is not known. */
  terms(id: string): CustomerTerms | null | undefined {
    const cached = this.#present.get(id);
    if (cached !== undefined) return cached.terms;
    return this.#absent.get(id) === true ? null : undefined;
  }

  /** The customer, null when there is none, undefined when that is not known. */
  get(id: string): Customer | null | undefined {
    const cached = this.#present.get(id);
    if (cached === undefined) return this.#absent.get(id) === true ? null : undefined;
    const { terms, name } = cached;
    return name === undefined ? { id, ...terms } : { id, name, ...terms };
  }

  setAbsent(id: string): void {
    this.#present.delete(id);
    this.#absent.set(id, true);
  }

  /** @param text of the stored body. @throws Error where it is none of a customer. */
  setPresent(id: string, text: string): void {
    this.#absent.delete(id);
    this.#present.set(id, this.#read(text));
  }

  #read(text: string): CachedCustomer {
    const body = JSON.parse(text) as Customer;
    const { name } = body;
    const key = JSON.stringify(termsOf(body));
    let shared = this.#byTerms.get(key);
    let bytes = ENTRY_BYTES;
    if (shared === undefined) {
      shared = { terms: termsOf(parseStoredBody('customer', body)), name: undefined, bytes };
      this.#byTerms.set(key, shared);
      bytes += TERMS_BYTES;
    } else if (name === undefined) return shared;
    if (name !== undefined) bytes += NAME_BYTES;
    return { terms: shared.terms, name, bytes };
  }

  /** Forgets all answers. @param sameCatalog false when what is derived from terms of before means nothing any more. */
  reset(sameCatalog: boolean): void {
    if (!sameCatalog) this.#byTerms = this.#newByTerms();
    this.#present = this.#newPresent();
    this.#absent = this.#newAbsent();
  }

  #newByTerms(): Generations<CachedCustomer> {
    return new Generations(this.#bytesMax / TERMS_BYTES);
  }

  #newPresent(): Generations<CachedCustomer> {
    return new Generations(this.#bytesMax, ({ bytes }) => bytes);
  }

  #newAbsent(): Generations<true> {
    return new Generations(this.#bytesMax / ENTRY_BYTES / ABSENT_SHARE);
  }
}

const termsOf = ({ id: _id, name: _name, ...terms }: Customer): CustomerTerms => terms;
