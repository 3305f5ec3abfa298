import { limitKey, type QuotaCounter } from '../../engine/index.js';

/** One window of one limit, as the counter and as the ledger have it. */
export interface ComparedWindow {
  readonly counter: QuotaCounter;
  /** As the ledger names it; null where neither catalog nor ledger has a name for the counter. */
  readonly feature: string | null;
  readonly limit: string | null;
  readonly windowStartMs: number;
  readonly used: bigint;
  readonly charged: bigint;
}

/** What the ledger has of one window of one limit. */
export interface LedgerWindow {
  readonly customer: string;
  readonly feature: string;
  readonly limitId: string;
  readonly windowMs: number;
  readonly charged: bigint;
}

/** Windows that the ledger tells of each limit: the two that a counter keeps, and some that it should not know. */
export const LEDGER_WINDOWS_MAX = 8;

/** One limit of one customer in the ledger: its latest windows. */
interface LedgerLimit {
  readonly feature: string;
  readonly limitId: string;
  readonly windows: Map<number, bigint>;
}

/** The ledger's windows of a reading, by customer and by limit. */
export class LedgerWindows {
  readonly #byCustomer = new Map<string, Map<string, LedgerLimit>>();

  constructor(rows: readonly LedgerWindow[]) {
    for (const { customer, feature, limitId, windowMs, charged } of rows) {
      const limits = this.#byCustomer.get(customer) ?? new Map<string, LedgerLimit>();
      this.#byCustomer.set(customer, limits);
      const name = nameOf(feature, limitId);
      const limit = limits.get(name) ?? { feature, limitId, windows: new Map() };
      limits.set(name, limit);
      limit.windows.set(windowMs, charged);
    }
  }

  /** The limit that a counter counts: by its name, or by the names that facts have given to limits. */
  limitOf({ customer, entity, key, feature, limit }: QuotaCounter): LedgerLimit | undefined {
    const limits = this.#byCustomer.get(customer);
    if (limits === undefined) return undefined;
    if (feature !== null && limit !== null) return limits.get(nameOf(feature, limit));
    const prefix = entity === '' ? '' : `${entity}/`;
    for (const each of limits.values()) {
      if (!each.limitId.startsWith(prefix)) continue;
      if (limitKey(each.feature, each.limitId.slice(prefix.length)).toString('hex') === key) return each;
    }
    return undefined;
  }
}

const nameOf = (feature: string, limit: string): string => `${feature}\0${limit}`;

/**
 * The windows of a counter beside the ledger's: the one it stands in, the one before, and those that the ledger has after
 * it, of which the counter knows nothing. Older ones are kept by the ledger only.
 */
export function compareCounter(counter: QuotaCounter, ledger: LedgerWindows): ComparedWindow[] {
  const limit = ledger.limitOf(counter);
  const windows = limit?.windows ?? new Map<number, bigint>();
  const known = new Map([[counter.windowStartMs, counter.used]]);
  if (counter.previousStartMs !== null) known.set(counter.previousStartMs, counter.before);
  for (const windowMs of windows.keys()) if (windowMs > counter.windowStartMs) known.set(windowMs, 0);
  // Of a limit with more windows than were read, those before the ones that were are not known.
  const readFromMs = windows.size < LEDGER_WINDOWS_MAX ? 0 : Math.min(...windows.keys());
  const named = { feature: counter.feature ?? limit?.feature ?? null, limit: counter.limit ?? limit?.limitId ?? null };
  return [...known]
    .filter(([windowStartMs]) => windowStartMs >= readFromMs)
    .map(([windowStartMs, used]) => ({
      counter,
      ...named,
      windowStartMs,
      used: BigInt(used),
      charged: windows.get(windowStartMs) ?? 0n,
    }));
}
