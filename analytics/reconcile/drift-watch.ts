import type { Logger } from '../../engine/platform/log.js';
import type { ReconcileMetrics } from './metrics.js';
import type { Comparison, DriftRow } from './reconciler.js';

/** Customers of one turn, and of one comparison within it. */
const TURN_CUSTOMERS_MAX = 200;
/** Drift that is kept to be shown; more is counted only. */
const ROWS_KEPT_MAX = 10_000;

/** A page of customers, and where the next one begins. */
export interface CustomerPage {
  readonly ids: readonly string[];
  readonly cursor: string | null;
}

export type ListCustomers = (limit: number, cursor: string | undefined) => Promise<CustomerPage>;

/** What the background comparison knows. */
export interface DriftState {
  readonly rows: readonly DriftRow[];
  /** Windows that differ, those that are not kept as rows among them. */
  readonly drift: number;
  /** Of the round under way. */
  readonly customers: number;
  readonly windows: number;
  readonly restarted: number;
  readonly lastRound: Round | null;
}

/** A round over all customers. */
interface Round {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly customers: number;
  readonly windows: number;
  readonly restarted: number;
  readonly drift: number;
}

export interface DriftWatchOptions {
  /** Between two turns, ms. */
  readonly everyMs: number;
  readonly listCustomers: ListCustomers;
  readonly compare: (customers: readonly string[]) => Promise<Comparison>;
  readonly metrics: ReconcileMetrics;
  readonly log: Pick<Logger, 'warn' | 'error'>;
}

/**
 * Compares all customers by and by: some at each turn, round after round. What differs stays in the report until the
 * customer is compared again.
 */
export class DriftWatch {
  readonly #options: DriftWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #turning: Promise<void> | undefined;
  #cursor: string | undefined;
  #startedMs = 0;
  /** Of the round under way, and what the one before left of customers that this one has not come to. */
  #current = emptyFindings();
  #before: DriftRow[] = [];
  #lastRound: Round | null = null;

  constructor(options: DriftWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#turning ??= this.turn().finally(() => {
        this.#turning = undefined;
      });
    }, this.#options.everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turning;
  }

  get state(): DriftState {
    const { customers, windows, restarted, drift, rows } = this.#current;
    const shown = [...rows, ...this.#before];
    return {
      rows: shown,
      drift: drift + this.#before.length,
      customers,
      windows,
      restarted,
      lastRound: this.#lastRound,
    };
  }

  /** Compares the next customers. Never throws: a failure is counted, and the same customers are next again. */
  async turn(): Promise<void> {
    const { listCustomers, compare, metrics, log } = this.#options;
    try {
      if (this.#cursor === undefined) this.#startedMs = Date.now();
      const page = await listCustomers(TURN_CUSTOMERS_MAX, this.#cursor);
      const found = await compare(page.ids);
      this.#take(page, found);
      metrics.customers.inc(found.customers);
      metrics.windows.inc(found.windows);
      for (const row of found.drift.slice(0, 10)) log.error({ ...row }, 'a counter is not what the ledger says');
      if (page.cursor === null) this.#endRound();
      this.#cursor = page.cursor ?? undefined;
      metrics.driftLimits.set(this.state.drift);
    } catch (error) {
      metrics.failures.inc();
      log.warn({ error }, 'counters could not be compared with the ledger: again at the next turn');
    }
  }

  #take({ ids }: CustomerPage, found: Comparison): void {
    const compared = new Set(ids);
    this.#before = this.#before.filter((row) => !compared.has(String(row.customer)));
    const { rows } = this.#current;
    rows.push(...found.drift.slice(0, Math.max(0, ROWS_KEPT_MAX - rows.length)));
    this.#current.customers += found.customers;
    this.#current.windows += found.windows;
    this.#current.restarted += found.restarted;
    this.#current.drift += found.drift.length;
  }

  #endRound(): void {
    const { rows, ...counts } = this.#current;
    const endedMs = Date.now();
    this.#lastRound = {
      startedAt: new Date(this.#startedMs).toISOString(),
      endedAt: new Date(endedMs).toISOString(),
      ...counts,
    };
    this.#options.metrics.roundSeconds.set(endedMs / 1_000);
    // Customers that left the catalog since were not compared: their rows end with the round.
    this.#before = rows;
    this.#current = emptyFindings();
  }
}

interface Findings {
  customers: number;
  windows: number;
  restarted: number;
  drift: number;
  rows: DriftRow[];
}

const emptyFindings = (): Findings => ({ customers: 0, windows: 0, restarted: 0, drift: 0, rows: [] });
