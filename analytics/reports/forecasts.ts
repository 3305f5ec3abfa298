import { z } from 'zod';
import { resolveWindow, windowAt } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { readForecasts, type StoredForecast } from '../forecast/forecast-table.js';
import { formatSum } from './amounts.js';
import { loadCustomers, quotaNamed, type ReportCatalog, scaleOf } from './catalog.js';
import { decodeCursor, pageOf } from './output.js';
import { cursorParameter, customerParameter, formatParameter, limitParameter } from './parameters.js';
import type { Columns } from './parquet.js';
import { toInstant } from './periods.js';

const ROWS_DEFAULT = 100;
const ROWS_MAX = 10_000;

export const forecastsParameters = z.strictObject({
  customer: customerParameter,
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

/** For CSV and Parquet, which are flat. */
export const FORECASTS_COLUMNS = {
  customer: 'text',
  feature: 'text',
  limit: 'text',
  windowStart: 'instant',
  windowEnd: 'instant',
  included: 'amount',
  cap: 'amount',
  used: 'amount',
  expected: 'amount',
  low: 'amount',
  high: 'amount',
  reachesAt: 'instant',
  reachesFrom: 'instant',
  reachesTo: 'instant',
  asOf: 'instant',
} as const satisfies Columns;

type Amount = number | string;
export type ForecastRow = {
  readonly customer: string;
  readonly feature: string;
  readonly limit: string;
  readonly window: { readonly start: string; readonly end: string | null };
  readonly included: Amount;
  readonly cap: Amount | null;
  readonly used: Amount;
  readonly expected: Amount | null;
  readonly low: Amount | null;
  readonly high: Amount | null;
  readonly reachesAt: string | null;
  readonly reachesFrom: string | null;
  readonly reachesTo: string | null;
  readonly asOf: string;
};

export interface ForecastsRequest {
  /** '' for all. */
  readonly customer: string;
  readonly limit: number;
  readonly cursor: string | undefined;
}

const placeSchema = z.tuple([z.string(), z.string(), z.string()]);

/**
 * Forecasts by customer, feature and limit, as they were worked out last. Those of limits that the catalog no longer
 * has, or of windows that are over, are left out; so a page may have fewer rows than were asked for.
 */
export async function forecastRows(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: ForecastsRequest,
  nowMs: number,
): Promise<{ rows: ForecastRow[]; nextCursor?: string }> {
  const { customer, limit } = request;
  const after = decodeCursor(request.cursor, (place) => placeSchema.parse(place)) ?? ['', '', ''];
  const read = await readForecasts(clickhouse, { customer, customers: [], after, limit: limit + 1, nowMs });
  const { shown, next } = pageOf(read, limit, (last) => [last.customer, last.feature, last.limitId]);
  return { rows: await currentForecasts(catalog, shown, nowMs), ...next };
}

/** Those that still hold by the catalog as it is now. */
async function currentForecasts(
  catalog: ReportCatalog,
  stored: readonly StoredForecast[],
  nowMs: number,
): Promise<ForecastRow[]> {
  const customers = await loadCustomers(
    catalog,
    stored.map((row) => row.customer),
  );
  return stored.flatMap((row) => {
    const customer = customers.get(row.customer);
    const quota = customer && quotaNamed(catalog, customer, row.feature, row.limitId, nowMs);
    if (customer === undefined || quota === undefined) return [];
    const window = windowAt(resolveWindow(quota.limit.window, customer), nowMs);
    if (window.startMs !== row.windowStartMs) return [];
    const scale = scaleOf(catalog, row.meter);
    return {
      customer: row.customer,
      feature: row.feature,
      limit: row.limitId,
      window: { start: toInstant(row.windowStartMs), end: instantOrNull(row.windowEndMs) },
      included: formatAmount(row.included, scale),
      cap: amountOrNull(row.cap, scale),
      used: formatAmount(row.used, scale),
      expected: amountOrNull(row.expected, scale),
      low: amountOrNull(row.low, scale),
      high: amountOrNull(row.high, scale),
      reachesAt: instantOrNull(row.reachesAtMs),
      reachesFrom: instantOrNull(row.reachesFromMs),
      reachesTo: instantOrNull(row.reachesToMs),
      asOf: toInstant(row.asOfMs),
    };
  });
}

/** A forecast as CSV and Parquet show it. */
export const flatForecast = ({ window, ...rest }: ForecastRow): Record<string, unknown> => ({
  ...rest,
  windowStart: window.start,
  windowEnd: window.end,
});

const formatAmount = (amount: number, scale: number): Amount => formatSum(BigInt(amount), scale);
const amountOrNull = (amount: number | null, scale: number): Amount | null =>
  amount === null ? null : formatAmount(amount, scale);
const instantOrNull = (ms: number | null): string | null => (ms === null ? null : toInstant(ms));
