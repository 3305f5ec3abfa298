import { setTimeout as delay } from 'node:timers/promises';
import type { CounterReading, QuotaCounter } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';
import { loadCustomers, quotaNamed } from '../reports/catalog.js';
import type { AlertCatalog, Detector } from './detector.js';
import type { AlertMetrics } from './metrics.js';
import type { Raiser } from './raise.js';
import type { QuotaCharge } from './scan-entry.js';

/** Customers of one look. */
const PAGE_CUSTOMERS = 200;
/** What is asked for within this time is looked at together: a large change of the catalog asks customer by customer. */
const GATHER_MS = 100;
/** Customers that wait for a look each; past it all are looked at. */
const WAITING_MAX = 10_000;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;
/** Rest after a page, in times of what it took: a third of a thread for what somebody waits for, else a fiftieth. */
const REST_ASKED = 2;
const REST_UNASKED = 50;

export interface SweepOptions {
  readonly catalog: AlertCatalog;
  readonly counters: { read(customers: readonly string[]): AsyncIterable<CounterReading> };
  /** A page of the catalog's customers by id. */
  readonly listCustomers: (
    limit: number,
    cursor: string | undefined,
  ) => Promise<{ readonly ids: readonly string[]; readonly cursor: string | null }>;
  readonly detector: Detector;
  readonly raiser: Pick<Raiser, 'raise'>;
  readonly metrics: Pick<AlertMetrics, 'swept'>;
  readonly log: Pick<Logger, 'warn'>;
  /** Between two looks at everybody that nothing asked for, ms. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/**
 * Looks at counters, for crossings that no charge made: a limit that was lowered below what is used, time, and facts
 * that were gone before they were read. At the start everybody is looked at, so nothing that is asked for is lost by a
 * death in between.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #waiting = new Set<string>();
  #allWaits = true;
  /** False for a round that the time has begun. */
  #asked = true;
  #cursor: string | undefined;
  /** Requests for everybody: one that comes while a page is looked at begins anew. */
  #requests = 0;
  #wake: () => void = () => undefined;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Asks for a look, soon: at a customer, or at all. */
  request(customer: string | 'all'): void {
    if (customer === 'all' || this.#waiting.size >= WAITING_MAX) {
      this.#allWaits = true;
      this.#asked = true;
      // Those before the cursor were looked at by what held until now.
      this.#cursor = undefined;
      this.#requests += 1;
    } else this.#waiting.add(customer);
    this.#wake();
  }

  /** Works until the signal aborts; never throws. */
  async run(): Promise<void> {
    const { signal, everyMs, log } = this.#options;
    let retryMs = RETRY_MS_MIN;
    while (!signal.aborted) {
      const startedMs = performance.now();
      try {
        await this.#turn();
        retryMs = RETRY_MS_MIN;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ error, retryMs }, 'counters could not be looked at for alerts: again in a while');
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
        retryMs = Math.min(RETRY_MS_MAX, 2 * retryMs);
        continue;
      }
      if (this.#waiting.size > 0) continue;
      if (this.#allWaits) {
        await this.#rest((performance.now() - startedMs) * (this.#asked ? REST_ASKED : REST_UNASKED));
      } else if (await this.#rest(everyMs)) {
        this.#allWaits = true;
        this.#asked = false;
      }
    }
  }

  /** Single customers first: theirs is the change that somebody waits for. */
  async #turn(): Promise<void> {
    if (this.#waiting.size > 0 && this.#waiting.size < PAGE_CUSTOMERS) {
      await delay(GATHER_MS, undefined, { signal: this.#options.signal });
    }
    const some = [...this.#waiting].slice(0, PAGE_CUSTOMERS);
    if (some.length > 0) {
      // Before the look: a change that comes during it wants another one.
      for (const customer of some) this.#waiting.delete(customer);
      await this.#look(some).catch((error: unknown) => {
        for (const customer of some) this.#waiting.add(customer);
        throw error;
      });
      return;
    }
    if (!this.#allWaits) return;
    const requests = this.#requests;
    const page = await this.#options.listCustomers(PAGE_CUSTOMERS, this.#cursor);
    await this.#look(page.ids);
    if (this.#requests !== requests) return;
    this.#cursor = page.cursor ?? undefined;
    this.#allWaits = page.cursor !== null;
  }

  /** @returns false where a request, or the end, came before. */
  async #rest(ms: number): Promise<boolean> {
    const { signal } = this.#options;
    const woken = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
      signal.addEventListener('abort', this.#wake, { once: true });
    });
    signal.removeEventListener('abort', this.#wake);
    this.#wake = () => undefined;
    return !woken;
  }

  async #look(ids: readonly string[]): Promise<void> {
    const { catalog, counters, raiser, metrics } = this.#options;
    const customers = await loadCustomers(catalog, ids);
    for await (const { point, counters: read } of counters.read([...customers.keys()])) {
      await raiser.raise(read.flatMap((counter) => this.#chargeOf(counter, point.atMs) ?? []));
    }
    metrics.swept.inc(ids.length);
  }

  /** A counter as if it had been charged just now; undefined of limits that are gone, and below every percent. */
  #chargeOf({ customer, feature, limit, windowStartMs, used }: QuotaCounter, atMs: number): QuotaCharge | undefined {
    const { catalog, detector } = this.#options;
    const found = catalog.customer(customer);
    if (feature === null || limit === null || !found || used === 0) return undefined;
    const quota = quotaNamed(catalog, found, feature, limit, atMs);
    if (quota === undefined || used < detector.leastAmount(feature, limit, quota.included)) return undefined;
    return { customer, feature, limit, windowStartMs, used, included: quota.included, atMs };
  }
}
