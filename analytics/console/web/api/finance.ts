import { rowsOfStart } from '../pure/rows-of-start.js';
import { Fields } from './fields.js';
import { callStart, understood, unlessMissing, withQuery } from './http.js';

/** One window of one limit of a customer, as finance bills it. Amounts are decimals in text. */
export interface FinanceRow {
  readonly customer: string;
  readonly plan: string;
  readonly feature: string;
  readonly limit: string;
  readonly windowStartMs: number | null;
  readonly windowEndMs: number | null;
  /** The closed month that the row corrects: its amounts are differences then. */
  readonly adjusts: string | null;
  readonly included: string | null;
  readonly addons: string | null;
  readonly used: string;
  readonly overage: string;
  readonly voided: string;
  readonly late: string;
  readonly utilizationPercent: number | null;
  readonly deniedCount: string;
}

export interface FinanceRequest {
  /** Such as `2026-10`. */
  readonly period: string;
  readonly customer?: string | undefined;
  readonly plan?: string | undefined;
}

/** Sums over the rows of one limit. */
export interface FinanceTotal {
  readonly name: string;
  readonly used: string;
  readonly overage: string;
}

export interface FinanceStart {
  readonly rows: readonly FinanceRow[];
  /** There are more rows, that were not fetched; the totals were not either. */
  readonly more: boolean;
  readonly totals: readonly FinanceTotal[];
}

/** The report of a hundred thousand customers has 50 MB; a table of some hundred rows is what one can read. */
const CHARS_MAX = 200_000;

function readRow(row: Fields): FinanceRow {
  return {
    customer: row.text('customer'),
    plan: row.textOr('plan', ''),
    feature: row.textOr('feature', ''),
    limit: row.textOr('limit', ''),
    windowStartMs: row.instantOrNull('windowStart'),
    windowEndMs: row.instantOrNull('windowEnd'),
    adjusts: row.textOr('adjusts', null),
    included: row.amountOrNull('included'),
    addons: row.amountOrNull('addons'),
    used: row.amount('used'),
    overage: row.amount('overage'),
    voided: row.amount('voided'),
    late: row.amount('late'),
    utilizationPercent: row.numberOrNull('utilizationPercent'),
    deniedCount: row.amount('deniedCount'),
  };
}

const readTotal = (row: Fields): FinanceTotal => ({
  name: [row.textOr('feature', row.textOr('meter', '')), row.textOr('limit', '')].join(' ').trim(),
  used: row.amount('used'),
  overage: row.amount('overage'),
});

export const financePath = (request: FinanceRequest & { readonly format?: 'csv' | 'parquet' | 'json' }): string =>
  withQuery('/v1/reports/finance', { ...request });

/** The report, or its beginning where it is long; null where this Weir has none. */
export async function finance(request: FinanceRequest, signal?: AbortSignal): Promise<FinanceStart | null> {
  const path = financePath(request);
  const start = await unlessMissing(callStart(path, CHARS_MAX, signal));
  if (start === null) return null;
  return understood(path, () => {
    const rows = rowsOfStart(start.text).map((row, index) => readRow(new Fields(row, `rows[${index}]`)));
    if (!start.whole) return { rows, more: true, totals: [] };
    return { rows, more: false, totals: new Fields(JSON.parse(start.text)).object('totals').list('limits', readTotal) };
  });
}
