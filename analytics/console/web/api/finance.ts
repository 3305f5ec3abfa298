import type { Fields } from './fields.js';
import { call, unlessMissing, withQuery } from './http.js';

/** One window of one limit of a customer, as finance bills it. Amounts are decimals in text. */
export interface FinanceRow {
  readonly customer: string;
  readonly plan: string;
  readonly feature: string;
  readonly limit: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number | null;
  readonly included: string | null;
  readonly addons: string | null;
  readonly used: string;
  readonly overage: string;
  readonly voided: string;
  readonly late: string;
  readonly utilizationPercent: number | null;
  readonly peakDay: string | null;
  readonly deniedCount: string;
}

export interface FinanceRequest {
  /** Such as `2026-10`. */
  readonly period: string;
  readonly customer?: string | undefined;
  readonly plan?: string | undefined;
  readonly limit?: number;
  readonly cursor?: string | undefined;
}

export interface FinancePage {
  readonly rows: readonly FinanceRow[];
  readonly cursor: string | undefined;
  /** What the report adds up, by its own names. */
  readonly totals: readonly { readonly name: string; readonly value: string }[];
}

function readRow(row: Fields): FinanceRow {
  const window = row.object('window');
  return {
    customer: row.text('customer'),
    plan: row.textOr('plan', ''),
    feature: row.textOr('feature', ''),
    limit: row.textOr('limit', ''),
    windowStartMs: window.instant('start'),
    windowEndMs: window.instantOrNull('end'),
    included: row.amountOrNull('included'),
    addons: row.amountOrNull('addons'),
    used: row.amount('used'),
    overage: row.amount('overage'),
    voided: row.amount('voided'),
    late: row.amount('late'),
    utilizationPercent: row.numberOrNull('utilizationPercent'),
    peakDay: row.textOr('peakDay', null),
    deniedCount: row.amount('deniedCount'),
  };
}

/** The amounts among the totals. What else stands there is left to the downloads. */
const readTotals = (totals: Fields): FinancePage['totals'] =>
  totals.names().flatMap((name) => {
    const value = totals.raw(name);
    return typeof value === 'number' || typeof value === 'string' ? [{ name, value: String(value) }] : [];
  });

export const financePath = (request: FinanceRequest & { readonly format?: 'csv' | 'parquet' | 'json' }): string =>
  withQuery('/v1/reports/finance', { ...request });

/** Null where this Weir has no such report. */
export function finance(request: FinanceRequest, signal?: AbortSignal): Promise<FinancePage | null> {
  return unlessMissing(
    call(
      financePath(request),
      (answer) => ({
        rows: answer.list('rows', readRow),
        cursor: answer.textOr('nextCursor', undefined),
        totals: answer.has('totals') ? readTotals(answer.object('totals')) : [],
      }),
      { signal },
    ),
  );
}
