import { digestHex } from '../../../engine/platform/digest.js';
import { type ControlClient, WeirApiError } from '../../client/index.js';

/** Customers made at once. */
const CREATIONS_IN_FLIGHT_MAX = 8;
/** Customers that are known to exist; past it all are looked up again, so that memory stays bounded. */
const KNOWN_MAX = 500_000;

export interface Draw {
  readonly customers: number;
  /** The customer of rank r has a weight of 1 ∕ r^exponent. */
  readonly exponent: number;
  readonly seed: number;
}

/**
 * A rank from 1 for each row, by a Zipf law. It depends on the seed and the row's number alone, so that the same file
 * always meets the same customers, whichever rows are broken.
 */
export function zipfRanks({ customers, exponent, seed }: Draw): (row: number) => number {
  const cumulative = new Float64Array(customers);
  let total = 0;
  for (let rank = 1; rank <= customers; rank++) {
    total += 1 / rank ** exponent;
    cumulative[rank - 1] = total;
  }
  return (row) => {
    // 52 bits of a digest are as even as any generator's, and need no state from row to row.
    const target = (Number.parseInt(digestHex(`${seed}:${row}`).slice(0, 13), 16) / 2 ** 52) * total;
    let low = 0;
    let high = customers - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] ?? total) > target) high = middle;
      else low = middle + 1;
    }
    return low + 1;
  };
}

/** `replay-007` of 100 and more: padded, so that lists are in the order of the ranks. */
export const customerName = (prefix: string, rank: number, customers: number): string =>
  `${prefix}${String(rank).padStart(String(customers).length, '0')}`;

/** Makes sure that customers are in the catalog before their usage is sent. Those there are stay as they are. */
export class CustomerBook {
  readonly #control: ControlClient;
  readonly #plan: string;
  readonly #startsAt: string;
  readonly #known = new Map<string, Promise<void>>();
  created = 0;

  /** @param startsAt the anchor of the created customers' windows, RFC 3339. */
  constructor(control: ControlClient, plan: string, startsAt: string) {
    this.#control = control;
    this.#plan = plan;
    this.#startsAt = startsAt;
  }

  /** Resolves when all of them are in force on every gateway. @throws WeirApiError */
  async ensure(ids: Iterable<string>): Promise<void> {
    if (this.#known.size > KNOWN_MAX) this.#known.clear();
    const queue = [...new Set(ids)];
    const workers = Array.from({ length: Math.min(CREATIONS_IN_FLIGHT_MAX, queue.length) }, async () => {
      for (let id = queue.pop(); id !== undefined; id = queue.pop()) await this.#ensureOne(id);
    });
    await Promise.all(workers);
  }

  /** One look-up per customer, also where several batches need it at once. */
  async #ensureOne(id: string): Promise<void> {
    let known = this.#known.get(id);
    if (known === undefined) {
      known = this.#create(id);
      this.#known.set(id, known);
    }
    await known;
  }

  async #create(id: string): Promise<void> {
    if (await this.#exists(id)) return;
    try {
      await this.#control.putObject('customers', id, { plan: this.#plan, startsAt: this.#startsAt });
      this.created += 1;
    } catch (error) {
      // Somebody brought it meanwhile.
      if (error instanceof WeirApiError && error.code === 'owned_by_source') return;
      throw error;
    }
  }

  async #exists(id: string): Promise<boolean> {
    try {
      await this.#control.getObject('customers', id);
      return true;
    } catch (error) {
      if (error instanceof WeirApiError && (error.code === 'not_found' || error.code === 'unknown_customer'))
        return false;
      throw error;
    }
  }
}
