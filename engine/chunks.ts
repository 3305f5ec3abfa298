import { CALL_OPERATIONS_MAX } from './contract/constants.js';
import type { Store } from './store/store.js';

/** One of many, with its place among them. */
interface Item<P> {
  readonly index: number;
  readonly prepared: P;
}

/** Items by shard in their order, cut where a call is full. */
export class Chunks<P> {
  readonly full: Item<P>[][] = [];
  readonly postponed: number[] = [];
  readonly #open = new Map<number, Item<P>[]>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  add(customer: string, item: Item<P>): void {
    const shard = this.#store.shardOf(customer);
    let open = this.#open.get(shard);
    if (open === undefined || open.length >= CALL_OPERATIONS_MAX) {
      open = [];
      this.#open.set(shard, open);
      this.full.push(open);
    }
    open.push(item);
  }
}
