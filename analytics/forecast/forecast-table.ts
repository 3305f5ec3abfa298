import { z } from 'zod';
import { NEVER_MS } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import type { Forecast } from './forecaster.js';

/** Forecasts as ClickHouse keeps them: written by the refresh, read by reports. */

const forecasts = loadQuery('forecasts');

const amount = z.coerce.number();
const nullable = z.string().transform(Number).nullable();
const storedSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  limitId: z.string(),
  meter: z.string(),
  windowStartMs: amount,
  windowEndMs: nullable,
  included: amount,
  cap: nullable,
  used: amount,
  expected: nullable,
  low: nullable,
  high: nullable,
  reachesAtMs: nullable,
  reachesFromMs: nullable,
  reachesToMs: nullable,
  asOfMs: amount,
});
export type StoredForecast = z.output<typeof storedSchema>;

/** A row's place: customer, feature, limit. */
export type ForecastPlace = readonly [string, string, string];

export interface ForecastSelection {
  /** '' for all. */
  readonly customer: string;
  /** Empty for all. */
  readonly customers: readonly string[];
  readonly after: ForecastPlace;
  readonly limit: number;
  /** Windows that are over by then are left out. */
  readonly nowMs: number;
}

export function readForecasts(
  clickhouse: Pick<ClickHouse, 'query'>,
  selection: ForecastSelection,
): Promise<StoredForecast[]> {
  const { customer, customers, limit, nowMs } = selection;
  const [afterCustomer, afterFeature, afterLimit] = selection.after;
  const parameters = { customer, customers, limit, nowMs, afterCustomer, afterFeature, afterLimit };
  return clickhouse.query(forecasts, parameters, storedSchema);
}

export async function storeForecasts(
  clickhouse: Pick<ClickHouse, 'insertRows'>,
  rows: readonly Forecast[],
): Promise<void> {
  await clickhouse.insertRows('forecasts', rows.map(toRow));
}

const toRow = (forecast: Forecast): Record<string, unknown> => ({
  customer: forecast.customer,
  feature: forecast.feature,
  limit_id: forecast.limit,
  meter: forecast.meter,
  window_start: instant(forecast.window.startMs),
  window_end: forecast.window.endMs < NEVER_MS ? instant(forecast.window.endMs) : null,
  included: forecast.included,
  cap: forecast.cap,
  used: forecast.used,
  expected: forecast.expected,
  low: forecast.low,
  high: forecast.high,
  reaches_at: forecast.reachesAtMs === null ? null : instant(forecast.reachesAtMs),
  reaches_from: forecast.reachesFromMs === null ? null : instant(forecast.reachesFromMs),
  reaches_to: forecast.reachesToMs === null ? null : instant(forecast.reachesToMs),
  as_of: instant(forecast.asOfMs),
});

/** A time as ClickHouse reads it in JSON: `2026-11-20 10:00:00.000`. */
export const instant = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
