import { DecimalSum, formatSum, percentOf } from '../reports/amounts.js';
import type { Columns } from '../reports/parquet.js';
import { toInstant } from '../reports/periods.js';
import { AMOUNTS, type AmountName, type Figure } from './figure.js';

/** Columns of the report, in the order of the CSV. They stay: new ones come at the end. */
export const FINANCE_COLUMNS = {
  period: 'text',
  customer: 'text',
  plan: 'text',
  feature: 'text',
  meter: 'text',
  limit: 'text',
  windowStart: 'instant',
  windowEnd: 'instant',
  windows: 'count',
  adjusts: 'text',
  opening: 'amount',
  included: 'amount',
  addons: 'amount',
  used: 'amount',
  voided: 'amount',
  late: 'amount',
  overage: 'amount',
  closing: 'amount',
  utilizationPercent: 'percent',
  peakDay: 'day',
  peakDayUsed: 'amount',
  deniedCount: 'count',
  deniedAmount: 'amount',
} as const satisfies Columns;

export type FinanceRow = Readonly<Record<keyof typeof FINANCE_COLUMNS, string | number | null>>;

const textOrNull = (text: string): string | null => (text === '' ? null : text);
const instantOrNull = (ms: number | null): string | null => (ms === null ? null : toInstant(ms));

/**
 * A line as the answer shows it: amounts by the meter's scale.
 * @param adjusts the closed period that the line corrects: then its amounts are differences. Null for a line of the period.
 */
export function financeRow(period: string, figure: Figure, adjusts: string | null): FinanceRow {
  const amount = (value: bigint): number | string => formatSum(value, figure.scale);
  const { included } = figure;
  return {
    period,
    customer: figure.customer,
    plan: textOrNull(figure.plan),
    feature: textOrNull(figure.feature),
    meter: textOrNull(figure.meter),
    limit: textOrNull(figure.limit),
    windowStart: instantOrNull(figure.windowMs),
    windowEnd: instantOrNull(figure.windowEndMs),
    windows: figure.windows,
    adjusts,
    opening: amount(figure.opening),
    included: included === null ? null : amount(included),
    addons: amount(figure.addons),
    used: amount(figure.used),
    voided: amount(figure.voided),
    late: amount(figure.late),
    overage: amount(figure.overage),
    closing: amount(figure.closing),
    utilizationPercent: included === null || adjusts !== null ? null : percentOf(figure.closing, included),
    peakDay: textOrNull(figure.peakDay),
    peakDayUsed: amount(figure.peakDayUsed),
    deniedCount: formatSum(figure.deniedCount, 0),
    deniedAmount: amount(figure.deniedAmount),
  };
}

interface Total {
  readonly feature: string;
  readonly limit: string;
  readonly meter: string;
  readonly isAdjustment: boolean;
  readonly scale: number;
  rows: number;
  readonly sums: ReadonlyMap<AmountName, DecimalSum>;
}

/** Sums over the rows of an answer, by feature, limit and meter: adjustments of closed periods apart from the period itself. */
export class FinanceTotals {
  readonly #totals = new Map<string, Total>();
  #rows = 0;

  add(figure: Figure, isAdjustment: boolean): void {
    const { feature, limit, meter, scale } = figure;
    const key = JSON.stringify([feature, limit, meter, isAdjustment]);
    let total = this.#totals.get(key);
    if (total === undefined) {
      const sums = new Map(AMOUNTS.map((name) => [name, new DecimalSum()]));
      total = { feature, limit, meter, isAdjustment, scale, rows: 0, sums };
      this.#totals.set(key, total);
    }
    this.#rows += 1;
    total.rows += 1;
    for (const [name, sum] of total.sums) sum.add(figure[name] ?? 0n, name === 'deniedCount' ? 0 : scale);
  }

  toJson(): Record<string, unknown> {
    const shown = (isAdjustment: boolean) =>
      [...this.#totals.values()]
        .filter((total) => total.isAdjustment === isAdjustment)
        .map(({ feature, limit, meter, rows, sums }) => ({
          feature: textOrNull(feature),
          limit: textOrNull(limit),
          meter: textOrNull(meter),
          rows,
          ...Object.fromEntries([...sums].map(([name, sum]) => [name, sum.format()])),
        }));
    return { rows: this.#rows, limits: shown(false), adjustments: shown(true) };
  }
}
