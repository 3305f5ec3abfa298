import { z } from 'zod';
import type { CounterPoint, CounterReader, CounterReading, QuotaCounter } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { formatSum, sumSchema } from '../reports/amounts.js';
import type { Columns } from '../reports/parquet.js';
import { toInstant } from '../reports/periods.js';
import { type ComparedWindow, compareCounter, LEDGER_WINDOWS_MAX, LedgerWindows } from './compare.js';
import { readLedgerHolders } from './gone.js';

const ledgerWindows = loadQuery('ledger-windows');
const ledgerWindowSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  limitId: z.string(),
  windowMs: z.coerce.number(),
  charged: sumSchema,
});
const chargedSinceRestart = loadQuery('charged-since-restart');
const chargedSchema = z.object({ charged: sumSchema });

/** Readings that are in memory at a time, of some hundred holders each. */
const READINGS_MAX = 64;
/** Windows that are looked at fact by fact of so many readings; further ones that differ count as drift as they are. */
const LOOKED_AT_MAX = 100;
/** A clock that was set back may have charged a window before it began. */
const CLOCK_MARGIN_MS = 86_400_000;

export const DRIFT_COLUMNS = {
  customer: 'text',
  entity: 'text',
  feature: 'text',
  limit: 'text',
  windowStart: 'instant',
  counter: 'amount',
  ledger: 'amount',
  drift: 'amount',
} as const satisfies Columns;
/** A counter that is not what the ledger says; amounts in the smallest unit of the meter. */
export type DriftRow = Readonly<Record<keyof typeof DRIFT_COLUMNS, string | number | null>>;

/** What a comparison found. */
export interface Comparison {
  /** Customers compared. */
  customers: number;
  /** Windows of quotas compared. */
  windows: number;
  /** Windows whose counter began anew when its limit was defined anew: they agree since then. */
  restarted: number;
  readonly drift: DriftRow[];
}

export interface ReconcilerDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  readonly counters: Pick<CounterReader, 'read'>;
  /** Resolves when the ledger has everything up to the point. @throws WeirError `ledger_behind` */
  readonly waitForLedger: (point: CounterPoint) => Promise<void>;
}

/**
 * Compares counters with the ledger, as of one point in the stream of facts. The steps:
 *
 *  1 read      some holders and the last id of their shard's outbox, in one atomic step: a charge is in the counters
 *              exactly when its fact stands at or before that id
 *  2 wait      until the ledger has every fact up to that id; checks go on meanwhile
 *  3 sum       the ledger up to that id, by limit and window; what came later is left out
 *  4 compare   the window that a counter stands in, the one before, and what the ledger has after them
 *  5 look      at the facts of each window that differs: where a limit was defined anew its counter began at 0
 *
 * Only reads. Buckets have no window and concurrency limits no facts: neither is compared.
 */
export class Reconciler {
  readonly #dependencies: ReconcilerDependencies;

  constructor(dependencies: ReconcilerDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Compares a page of customers, those that have left the catalog too while the ledger names them.
   * @throws WeirError `unknown_customer`, `ledger_behind`; errors of Redis, NATS and ClickHouse.
   */
  async compare(customers: readonly string[]): Promise<Comparison> {
    const comparison: Comparison = { customers: customers.length, windows: 0, restarted: 0, drift: [] };
    let readings: CounterReading[] = [];
    const named = await readLedgerHolders(this.#dependencies.clickhouse, customers);
    for await (const reading of this.#dependencies.counters.read(customers, named)) {
      readings.push(reading);
      // Taken together they wait for the ledger about once.
      if (readings.length < READINGS_MAX) continue;
      await this.#compareReadings(readings, comparison);
      readings = [];
    }
    await this.#compareReadings(readings, comparison);
    return comparison;
  }

  async #compareReadings(readings: readonly CounterReading[], comparison: Comparison): Promise<void> {
    let lookedAt = 0;
    for (const { point, counters } of readings) {
      await this.#dependencies.waitForLedger(point);
      const ledger = new LedgerWindows(await this.#ledgerOf(point, counters));
      for (const counter of counters) {
        for (const compared of compareCounter(counter, ledger)) {
          comparison.windows += 1;
          if (compared.used === compared.charged) continue;
          const look = lookedAt++ < LOOKED_AT_MAX;
          if (look && (await this.#hasRestarted(point, compared))) comparison.restarted += 1;
          else comparison.drift.push(rowOf(compared));
        }
      }
    }
  }

  #ledgerOf(point: CounterPoint, counters: readonly QuotaCounter[]) {
    const starts = counters.map(({ previousStartMs, windowStartMs }) => previousStartMs ?? windowStartMs);
    const fromMs = Math.max(0, Math.min(...starts) - CLOCK_MARGIN_MS);
    const customers = [...new Set(counters.map(({ customer }) => customer))];
    const parameters = { ...placeOf(point), customers, fromMs, windows: LEDGER_WINDOWS_MAX };
    return this.#dependencies.clickhouse.query(ledgerWindows, parameters, ledgerWindowSchema);
  }

  async #hasRestarted(point: CounterPoint, { counter, feature, limit, windowStartMs, used }: ComparedWindow) {
    if (feature === null || limit === null) return false;
    const parameters = { ...placeOf(point), customer: counter.customer, feature, limit, windowMs: windowStartMs };
    const [since] = await this.#dependencies.clickhouse.query(chargedSinceRestart, parameters, chargedSchema);
    return since?.charged === used;
  }
}

const placeOf = ({ shard, epoch, outboxMs, outboxSeq }: CounterPoint) => ({ shard, epoch, outboxMs, outboxSeq });

function rowOf({ counter, feature, limit, windowStartMs, used, charged }: ComparedWindow): DriftRow {
  return {
    customer: counter.customer,
    entity: counter.entity === '' ? null : counter.entity,
    feature,
    limit,
    windowStart: toInstant(windowStartMs),
    counter: formatSum(used, 0),
    ledger: formatSum(charged, 0),
    drift: formatSum(used - charged, 0),
  };
}
