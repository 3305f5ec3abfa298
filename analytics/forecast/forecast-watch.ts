import { z } from 'zod';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import type { CustomerPage, ListCustomers } from '../reconcile/drift-watch.js';
import { instant } from './forecast-table.js';
import type { ForecastMetrics } from './metrics.js';

const changedCustomers = loadQuery('changed-customers');

/** Customers of one reading of the ledger. */
const PAGE_CUSTOMERS_MAX = 500;
const DAY_MS = 24 * 3_600_000;
/** Facts reach the ledger later than they are charged: how far back a run looks for what the one before did not see. */
const OVERLAP_MS = 3_600_000;

const changedSchema = z.object({ customer: z.string() });
const runSchema = z.object({ startedMs: z.coerce.number(), wholeMs: z.coerce.number() });

/** One page of customers, worked on: their forecasts and signals. */
export type WorkOnCustomers = (customers: readonly string[], nowMs: number) => Promise<void>;

export interface ForecastWatchOptions {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'insertRows'>;
  readonly listCustomers: ListCustomers;
  /** Before the customers of a run. */
  readonly begin: (nowMs: number) => Promise<void>;
  readonly work: WorkOnCustomers;
  /** After a run over all of them. */
  readonly endWhole: (nowMs: number) => Promise<void>;
  /** Between two runs, ms. */
  readonly everyMs: number;
  readonly metrics: ForecastMetrics;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

export interface ForecastRun {
  readonly whole: boolean;
  readonly customers: number;
}

/**
 * Keeps forecasts and signals new: once a day those of all customers, since time alone changes them; in between those of
 * customers with new facts or denials. Where it stands is kept in ClickHouse, so that a restart begins nothing anew.
 */
export class ForecastWatch {
  readonly #options: ForecastWatchOptions;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #turning: Promise<unknown> | undefined;
  #stopped = false;

  constructor(options: ForecastWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    const turn = (): void => {
      this.#turning ??= this.#turn().finally(() => {
        this.#turning = undefined;
      });
    };
    this.#timer = setInterval(turn, this.#options.everyMs);
    turn();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#turning;
  }

  /** A failure is counted, and the same customers are looked at again. */
  async #turn(): Promise<void> {
    const { metrics, log } = this.#options;
    try {
      await this.run();
    } catch (error) {
      metrics.failures.inc();
      log.warn({ error }, 'forecasts could not be refreshed: again at the next turn');
    }
  }

  /** One run. @throws what ClickHouse or the catalog throws; then it counts as not done. */
  async run(): Promise<ForecastRun> {
    const { clickhouse, begin, work, endWhole, metrics } = this.#options;
    const nowMs = this.#now();
    const [last] = await clickhouse.query(
      `SELECT max(toUnixTimestamp64Milli(started_at)) AS startedMs,
        maxIf(toUnixTimestamp64Milli(started_at), whole) AS wholeMs FROM forecast_runs`,
      {},
      runSchema,
    );
    const whole = last === undefined || nowMs - last.wholeMs >= DAY_MS;
    const sinceMs = Math.max(0, (last?.startedMs ?? 0) - OVERLAP_MS);
    await begin(nowMs);
    let customers = 0;
    for (let cursor: string | undefined; !this.#stopped; ) {
      const page = await this.#page(whole, sinceMs, cursor);
      await work(page.ids, nowMs);
      customers += page.ids.length;
      metrics.customers.inc(page.ids.length);
      if (page.cursor === null) {
        if (whole) await endWhole(nowMs);
        const run = { started_at: instant(nowMs), ended_at: instant(this.#now()), whole, customers };
        await clickhouse.insertRows('forecast_runs', [run]);
        metrics.runSeconds.set(this.#now() / 1_000);
        break;
      }
      cursor = page.cursor;
    }
    return { whole, customers };
  }

  async #page(whole: boolean, sinceMs: number, cursor: string | undefined): Promise<CustomerPage> {
    if (whole) return this.#options.listCustomers(PAGE_CUSTOMERS_MAX, cursor);
    const parameters = { sinceMs, after: cursor ?? '', limit: PAGE_CUSTOMERS_MAX };
    const rows = await this.#options.clickhouse.query(changedCustomers, parameters, changedSchema);
    const ids = rows.map(({ customer }) => customer);
    return { ids, cursor: ids.length < PAGE_CUSTOMERS_MAX ? null : (ids.at(-1) ?? null) };
  }
}
