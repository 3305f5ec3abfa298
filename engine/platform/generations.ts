/**
 * A bounded map that forgets what was not asked for longest, roughly: two generations, of which the older is dropped
 * when the younger is half full. A hit costs one or two look-ups and moves nothing in the young one, where an exact
 * order would delete and insert at each hit, and the first key of a Map is found behind all that were deleted before it.
 */
export class Generations<V> {
  readonly #half: number;
  readonly #costOf: (value: V) => number;
  #young = new Map<string, V>();
  #youngCost = 0;
  #old = new Map<string, V>();

  /** @param max of the costs of all that is kept; left out, each costs 1. */
  constructor(max: number, costOf: (value: V) => number = () => 1) {
    this.#half = Math.max(1, Math.floor(max / 2));
    this.#costOf = costOf;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(id: string): V | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    if (old !== undefined) this.set(id, old);
    return old;
  }

  set(id: string, value: V): void {
    this.delete(id);
    const cost = this.#costOf(value);
    if (this.#youngCost + cost > this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngCost = 0;
    }
    this.#youngCost += cost;
    this.#young.set(id, value);
  }

  delete(id: string): void {
    const young = this.#young.get(id);
    if (young !== undefined) {
      this.#youngCost -= this.#costOf(young);
      this.#young.delete(id);
    }
    this.#old.delete(id);
  }
}
