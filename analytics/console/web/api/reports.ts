import type { Fields } from './fields.js';
import { call, withQuery } from './http.js';

/** One quota of one customer in its current window. Amounts are decimals in text. */
export interface NearLimit {
  readonly customer: string;
  readonly plan: string;
  readonly feature: string;
  readonly meter: string;
  readonly limit: string;
  readonly included: string;
  readonly used: string;
  readonly percent: number;
  readonly windowStartMs: number;
  /** Null for a window that never ends. */
  readonly windowEndMs: number | null;
  /** When what is included is expected to be used up; null where it is not, or is already. */
  readonly reachesAtMs: number | null;
}

/** Rows that one answer brings; past it the page says so. */
export const NEAR_LIMITS_MAX = 1_000;

export function readNearLimit(row: Fields): NearLimit {
  return {
    customer: row.text('customer'),
    plan: row.text('plan'),
    feature: row.text('feature'),
    meter: row.text('meter'),
    limit: row.text('limit'),
    included: row.amount('included'),
    used: row.amount('used'),
    percent: row.number('percent'),
    windowStartMs: row.instant('windowStart'),
    windowEndMs: row.instantOrNull('windowEnd'),
    reachesAtMs: row.instantOrNull('reachesAt'),
  };
}

/** Quotas used to at least `threshold` percent, the worst first. */
export function nearLimits(threshold: number, signal?: AbortSignal): Promise<readonly NearLimit[]> {
  return call(
    withQuery('/v1/reports/near-limits', { threshold, limit: NEAR_LIMITS_MAX }),
    (answer) => answer.list('rows', readNearLimit),
    { signal },
  );
}

export interface LimitAtDenial {
  readonly id: string;
  readonly used: string;
  readonly included: string;
}

/** One line of the denial ledger: `count` denials of one call. */
export interface Denial {
  readonly atMs: number;
  readonly customer: string;
  readonly entity: string | undefined;
  readonly feature: string;
  readonly reason: string;
  readonly deniedBy: readonly string[];
  readonly amount: string;
  readonly count: number;
  readonly limits: readonly LimitAtDenial[];
  readonly version: number;
}

export interface DenialsPage {
  readonly rows: readonly Denial[];
  /** Where the older ones begin; undefined when there are none. */
  readonly cursor: string | undefined;
}

function readDenial(row: Fields): Denial {
  return {
    atMs: row.instant('at'),
    customer: row.text('customer'),
    entity: row.textOr('entity', undefined),
    feature: row.text('feature'),
    reason: row.text('reason'),
    deniedBy: row.texts('deniedBy'),
    amount: row.amount('amount'),
    count: row.number('count'),
    limits: row.has('limits')
      ? row.entries('limits', (limit, id) => ({ id, used: limit.amount('used'), included: limit.amount('included') }))
      : [],
    version: row.number('version'),
  };
}

export interface DenialsRequest {
  readonly customer?: string;
  readonly feature?: string | undefined;
  readonly reason?: string | undefined;
  /** ISO times. */
  readonly from: string;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const denialsPath = (request: DenialsRequest & { readonly format?: 'csv' }): string =>
  withQuery('/v1/reports/denials', { ...request });

/** The newest denials, of a customer or of all. */
export function denials(request: DenialsRequest, signal?: AbortSignal): Promise<DenialsPage> {
  return call(
    denialsPath(request),
    (answer) => ({ rows: answer.list('rows', readDenial), cursor: answer.textOr('nextCursor', undefined) }),
    { signal },
  );
}

export interface UsagePeriod {
  readonly startMs: number;
  readonly endMs: number;
  readonly value: string;
}

export interface UsageRequest {
  readonly meter: string;
  readonly customer: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly granularity: 'hour' | 'day' | 'month';
  readonly timezone: string;
}

/** Usage of a meter, period by period, by when it happened. */
export function usage(request: UsageRequest, signal?: AbortSignal): Promise<readonly UsagePeriod[]> {
  const { fromMs, toMs, ...rest } = request;
  const query = { ...rest, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
  return call(
    withQuery('/v1/usage', query),
    (answer) =>
      answer.list('rows', (row) => ({
        startMs: row.instant('start'),
        endMs: row.instant('end'),
        value: row.amountOrNull('value') ?? '0',
      })),
    { signal },
  );
}

/** A month of one feature of a customer. */
export interface Utilization {
  readonly feature: string;
  /** The quota that it is measured against; null where there is none, as is `included`. */
  readonly limit: string | null;
  readonly included: string | null;
  readonly used: string;
  readonly overage: string;
  readonly deniedCount: string;
  /** The day (UTC) with the most usage; null where there was none. */
  readonly peakDay: string | null;
  readonly peakDayUsed: string;
}

/** @param period such as `2026-11`. */
export const utilizationPath = (customer: string, period: string, format?: 'csv'): string =>
  withQuery('/v1/reports/utilization', { customer, period, format });

export function utilization(customer: string, period: string, signal?: AbortSignal): Promise<readonly Utilization[]> {
  return call(
    utilizationPath(customer, period),
    (answer) => {
      const rows = answer.list('rows', (row) => ({
        feature: row.textOr('feature', ''),
        limit: row.textOr('limit', null),
        included: row.amountOrNull('included'),
        used: row.amount('used'),
        overage: row.amount('overage'),
        deniedCount: row.amount('deniedCount'),
        peakDay: row.textOr('peakDay', null),
        peakDayUsed: row.amount('peakDayUsed'),
      }));
      // What no feature charges has its meters' rows, which are not of the plan.
      return rows.filter((row) => row.feature !== '');
    },
    { signal },
  );
}
