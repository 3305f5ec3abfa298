import { DecimalSum, formatSum, percentOf } from './amounts.js';
import type { Columns } from './parquet.js';
import type { UtilizationFact } from './utilization-facts.js';

/** Columns of the report, in the order of the CSV. */
export const UTILIZATION_COLUMNS = {
  customer: 'text',
  plan: 'text',
  feature: 'text',
  meter: 'text',
  limit: 'text',
  included: 'amount',
  used: 'amount',
  late: 'amount',
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
    feature: fact.feature === '' ? null : fact.feature,
    meter: fact.meter === '' ? null : fact.meter,
    limit: fact.limit,
    included: fact.included === null ? null : formatSum(fact.included, scale),
    used: formatSum(fact.used, scale),
    late: formatSum(fact.late, scale),
    overage: formatSum(fact.overage, scale),
    utilizationPercent: fact.included === null ? null : percentOf(fact.used, fact.included),
    deniedCount: formatSum(fact.deniedCount, 0),
    deniedAmount: formatSum(fact.deniedAmount, scale),
    peakDay: fact.peakDay,
    peakDayUsed: formatSum(fact.peakDayUsed, scale),
  };
}

class Sums {
  readonly included = new DecimalSum();
  readonly used = new DecimalSum();
  readonly late = new DecimalSum();
  readonly overage = new DecimalSum();
  readonly deniedCount = new DecimalSum();
  readonly deniedAmount = new DecimalSum();

  add(fact: UtilizationFact): void {
    const { scale } = fact;
    this.included.add(fact.included ?? 0n, scale);
    this.used.add(fact.used, scale);
    this.late.add(fact.late, scale);
    this.overage.add(fact.overage, scale);
    this.deniedCount.add(fact.deniedCount, 0);
    this.deniedAmount.add(fact.deniedAmount, scale);
  }

  toJson(): Record<string, number | string> {
    return Object.fromEntries(Object.entries(this).map(([name, sum]: [string, DecimalSum]) => [name, sum.format()]));
  }
}

interface MeterTotals {
  readonly meter: string;
  readonly scale: number;
  used: bigint;
}

/**
 * Sums over the rows of an answer: per meter what it counted, each use once however many features it was charged to;
 * per feature; and in all. The sums in all add up what may be different units: they are for comparing with a plain sum
 * over the rows' column.
 */
export class UtilizationTotals {
  readonly #customers = new Set<string>();
  readonly #meters = new Map<string, MeterTotals>();
  readonly #features = new Map<string, Sums>();
  readonly #all = new Sums();

  add(fact: UtilizationFact): void {
    const { customer, feature, meter, scale } = fact;
    this.#customers.add(customer);
    this.#all.add(fact);
    if (meter !== '') {
      const total = entryOf(this.#meters, meter, () => ({ meter, scale, used: 0n }));
      total.used += fact.counted;
    }
    if (feature !== '') entryOf(this.#features, feature, () => new Sums()).add(fact);
  }

  /** @param unitOf the unit of a meter, where it has one. */
  toJson(unitOf: (meter: string) => string | undefined): Record<string, unknown> {
    const meters = [...this.#meters.values()]
      .sort((left, right) => (left.meter < right.meter ? -1 : 1))
      .map(({ meter, used, scale }) => {
        const unit = unitOf(meter);
        return { meter, used: formatSum(used, scale), ...(unit === undefined ? {} : { unit }) };
      });
    const features = [...this.#features].map(([feature, sums]) => ({
      feature,
      ...sums.toJson(),
      utilizationPercent: sums.used.percentOf(sums.included),
    }));
    return { customers: this.#customers.size, ...this.#all.toJson(), meters, features };
  }
}

function entryOf<T>(entries: Map<string, T>, key: string, make: () => T): T {
  const known = entries.get(key);
  if (known !== undefined) return known;
  const made = make();
  entries.set(key, made);
  return made;
}
