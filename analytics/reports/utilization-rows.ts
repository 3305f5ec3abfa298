import { DecimalSum, formatSum, percentOf } from './amounts.js';
import type { Columns } from './parquet.js';
import type { UtilizationFact } from './utilization.js';

/** Columns of the report, in the order of the CSV. */
export const UTILIZATION_COLUMNS = {
  customer: 'text',
  plan: 'text',
  feature: 'text',
  meter: 'text',
  limit: 'text',
  included: 'amount',
  used: 'amount',
  overage: 'amount',
  utilizationPercent: 'percent',
  deniedCount: 'count',
  deniedAmount: 'amount',
  peakDay: 'day',
  peakDayUsed: 'amount',
} as const satisfies Columns;

export type UtilizationRow = Readonly<Record<keyof typeof UTILIZATION_COLUMNS, string | number | null>>;

/** One fact as the answer shows it: amounts by the meter's scale. */
export function utilizationRow(fact: UtilizationFact): UtilizationRow {
  const { scale } = fact;
  return {
    customer: fact.customer,
    plan: fact.plan,
    feature: fact.feature,
    meter: fact.meter,
    limit: fact.limit,
    included: fact.included === null ? null : formatSum(fact.included, scale),
    used: formatSum(fact.used, scale),
    overage: formatSum(fact.overage, scale),
    utilizationPercent: fact.included === null ? null : percentOf(fact.used, fact.included),
    deniedCount: formatSum(fact.deniedCount, 0),
    deniedAmount: formatSum(fact.deniedAmount, scale),
    peakDay: fact.peakDay,
    peakDayUsed: formatSum(fact.peakDayUsed, scale),
  };
}

interface FeatureTotals {
  readonly scale: number;
  included: bigint;
  used: bigint;
  overage: bigint;
  deniedCount: bigint;
  deniedAmount: bigint;
}

/**
 * Sums over the rows of an answer, per feature and in all. The sums in all add up what may be different units: they
 * are for comparing with a plain sum over the rows' column.
 */
export class UtilizationTotals {
  readonly #customers = new Set<string>();
  readonly #features = new Map<string, FeatureTotals>();
  readonly #all = {
    included: new DecimalSum(),
    used: new DecimalSum(),
    overage: new DecimalSum(),
    deniedCount: new DecimalSum(),
    deniedAmount: new DecimalSum(),
  };

  add(fact: UtilizationFact): void {
    this.#customers.add(fact.customer);
    const { scale } = fact;
    const totals = this.#features.get(fact.feature) ?? {
      scale,
      included: 0n,
      used: 0n,
      overage: 0n,
      deniedCount: 0n,
      deniedAmount: 0n,
    };
    this.#features.set(fact.feature, totals);
    totals.included += fact.included ?? 0n;
    totals.used += fact.used;
    totals.overage += fact.overage;
    totals.deniedCount += fact.deniedCount;
    totals.deniedAmount += fact.deniedAmount;
    this.#all.included.add(fact.included ?? 0n, scale);
    this.#all.used.add(fact.used, scale);
    this.#all.overage.add(fact.overage, scale);
    this.#all.deniedCount.add(fact.deniedCount, 0);
    this.#all.deniedAmount.add(fact.deniedAmount, scale);
  }

  toJson(): Record<string, unknown> {
    const all = Object.fromEntries(Object.entries(this.#all).map(([name, sum]) => [name, sum.format()]));
    const features = [...this.#features].map(([feature, totals]) => ({
      feature,
      included: formatSum(totals.included, totals.scale),
      used: formatSum(totals.used, totals.scale),
      overage: formatSum(totals.overage, totals.scale),
      utilizationPercent: percentOf(totals.used, totals.included),
      deniedCount: formatSum(totals.deniedCount, 0),
      deniedAmount: formatSum(totals.deniedAmount, totals.scale),
    }));
    return { customers: this.#customers.size, ...all, features };
  }
}
