import { z } from 'zod';
import { type Customer, idSchema } from '../../engine/index.js';
import { NEVER_MS, resolveWindow, windowAt } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { formatSum, percentOf, sumSchema } from './amounts.js';
import { loadCustomers, quotasOf, type ReportCatalog, scaleOf } from './catalog.js';
import { customerParameter, formatParameter, limitParameter } from './parameters.js';
import type { Columns } from './parquet.js';
import { toInstant } from './periods.js';

const currentWindows = loadQuery('current-windows');

const ROWS_DEFAULT = 100;
const ROWS_MAX = 10_000;
/** More is read than is shown: windows that are over, and limits that are gone, fall out only here. */
const READ_FACTOR = 4;
const YEAR_MS = 366 * 24 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

export const nearLimitsParameters = z.strictObject({
  /** Percent of what is included. */
  threshold: z
    .string()
    .regex(/^\d{1,4}(\.\d{1,2})?$/, 'must be a percentage such as 80')
    .transform(Number)
    .default(80),
  customer: customerParameter,
  plan: idSchema.optional(),
  feature: idSchema.optional(),
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
});

const rowSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  meter: z.string(),
  limitId: z.string(),
  windowStartMs: z.coerce.number(),
  used: sumSchema,
  included: sumSchema,
});

export const NEAR_LIMITS_COLUMNS = {
  customer: 'text',
  plan: 'text',
  feature: 'text',
  meter: 'text',
  limit: 'text',
  included: 'amount',
  used: 'amount',
  remaining: 'amount',
  percent: 'percent',
  windowStart: 'instant',
  windowEnd: 'instant',
  daysLeft: 'percent',
} as const satisfies Columns;
export type NearLimitsRow = Readonly<Record<keyof typeof NEAR_LIMITS_COLUMNS, string | number | null>>;

export interface NearLimitsRequest {
  readonly threshold: number;
  /** '' for all. */
  readonly customer: string;
  readonly plan: string | undefined;
  readonly feature: string | undefined;
  readonly limit: number;
}

/** Customers that have used at least `threshold` percent of a quota in its current window, the worst first. */
export async function nearLimits(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: NearLimitsRequest,
  nowMs: number,
): Promise<{ rows: NearLimitsRow[] }> {
  const parameters = {
    customer: request.customer,
    threshold: request.threshold,
    fromMs: Math.max(1, nowMs - YEAR_MS),
    limit: request.limit * READ_FACTOR,
  };
  const read = await clickhouse.query(currentWindows, parameters, rowSchema);
  const customers = await loadCustomers(
    catalog,
    read.map((row) => row.customer),
  );
  const rows: NearLimitsRow[] = [];
  for (const row of read) {
    const customer = customers.get(row.customer);
    if (customer === undefined) continue;
    if (request.plan !== undefined && customer.plan !== request.plan) continue;
    if (request.feature !== undefined && row.feature !== request.feature) continue;
    const shown = toRow(catalog, customer, row, request.threshold, nowMs);
    if (shown !== undefined) rows.push(shown);
  }
  rows.sort((left, right) => Number(right.percent) - Number(left.percent));
  return { rows: rows.slice(0, request.limit) };
}

/** By the catalog as it is now: a limit that was raised since the last charge may no longer be near. */
function toRow(
  catalog: ReportCatalog,
  customer: Customer,
  row: z.output<typeof rowSchema>,
  threshold: number,
  nowMs: number,
): NearLimitsRow | undefined {
  const quota = quotasOf(catalog, customer, row.feature).find(({ limit }) => limit.id === row.limitId);
  if (quota === undefined) return undefined;
  const window = windowAt(resolveWindow(quota.limit.window, customer), nowMs);
  if (window.startMs !== row.windowStartMs) return undefined;
  const included = BigInt(quota.included);
  const percent = percentOf(row.used, included);
  if (percent === null || percent < threshold) return undefined;
  const scale = scaleOf(catalog, row.meter);
  const ends = window.endMs < NEVER_MS;
  return {
    customer: row.customer,
    plan: customer.plan,
    feature: row.feature,
    meter: row.meter,
    limit: row.limitId,
    included: formatSum(included, scale),
    used: formatSum(row.used, scale),
    remaining: formatSum(included > row.used ? included - row.used : 0n, scale),
    percent,
    windowStart: toInstant(window.startMs),
    windowEnd: ends ? toInstant(window.endMs) : null,
    daysLeft: ends ? Math.round((window.endMs - nowMs) / (DAY_MS / 100)) / 100 : null,
  };
}
