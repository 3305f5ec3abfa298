import { z } from 'zod';
import { AMOUNT_MAX, type Customer, type QuotaLimit } from '../../engine/index.js';
import { NEVER_MS, resolveWindow, type WindowBounds, windowAt } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { sumSchema } from '../reports/amounts.js';
import { loadCustomers, quotaNamed, type ReportCatalog } from '../reports/catalog.js';
import {
  expectedOver,
  HISTORY_DAYS,
  HISTORY_WEEKS,
  type History,
  outlookOf,
  reachedAfterMs,
  WEEK_HOURS,
  WEEK_WEIGHT,
} from './model.js';

const forecastHistory = loadQuery('forecast-history');
const YEAR_MS = 366 * 24 * 3_600_000;

const rowSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  limitId: z.string(),
  meter: z.string(),
  windowStartMs: z.coerce.number(),
  used: sumSchema,
  ageHours: z.number(),
  hours: z.array(z.number()).length(WEEK_HOURS),
  days: z.array(z.number()).length(HISTORY_DAYS),
});
type HistoryRow = z.output<typeof rowSchema>;

/** What one quota's use is expected to come to. Amounts in the meter's smallest unit. */
export interface Forecast {
  readonly customer: string;
  readonly feature: string;
  /** As facts name it: an entity's is `entity/limit`. */
  readonly limit: string;
  readonly meter: string;
  readonly window: WindowBounds;
  readonly included: number;
  /** Null where nothing caps it. */
  readonly cap: number | null;
  readonly used: number;
  /** At the window's end, with the ends of the interval; null for a lifetime, which has none. */
  readonly expected: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** When what is included is used up, expected, at the earliest and at the latest; null where not in this window. */
  readonly reachesAtMs: number | null;
  readonly reachesFromMs: number | null;
  readonly reachesToMs: number | null;
  readonly asOfMs: number;
}

/** Quotas by the minute and the hour are over before a forecast of hours says anything. */
export const isForecast = ({ window }: QuotaLimit): boolean => window.every !== 'minute' && window.every !== 'hour';

/**
 * Forecasts of all quotas of some customers that were charged at least once, by the catalog as it is now. One reading
 * of the roll-up; the customers should be few hundred at a time.
 */
export async function forecastsOf(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  ids: readonly string[],
  nowMs: number,
): Promise<Forecast[]> {
  if (ids.length === 0) return [];
  const customers = await loadCustomers(catalog, ids);
  const rows = await clickhouse.query(
    forecastHistory,
    { customers: ids, nowMs, historyHours: HISTORY_WEEKS * WEEK_HOURS, weekWeight: WEEK_WEIGHT },
    rowSchema,
  );
  return rows.flatMap((row) => {
    const customer = customers.get(row.customer);
    return customer === undefined ? [] : (toForecast(catalog, customer, row, nowMs) ?? []);
  });
}

function toForecast(catalog: ReportCatalog, customer: Customer, row: HistoryRow, nowMs: number): Forecast | undefined {
  const quota = quotaNamed(catalog, customer, row.feature, row.limitId, nowMs);
  if (quota === undefined || !isForecast(quota.limit)) return undefined;
  const window = windowAt(resolveWindow(quota.limit.window, customer), nowMs);
  const { customer: id, feature, limitId: limit, meter } = row;
  const { included } = quota;
  // Nothing was charged to the current window yet when the latest one is another.
  const used = row.windowStartMs === window.startMs ? Number(row.used) : 0;
  const outlook = outlookOf(historyOf(row));
  const ends = window.endMs < NEVER_MS;
  const leftMs = (ends ? window.endMs : nowMs + YEAR_MS) - nowMs;
  const more = expectedOver(outlook, leftMs);
  const factors = outlook.interval(leftMs / 3_600_000);
  const total = (factor: number): number | null => (ends ? wholeAmount(used + more * factor) : null);
  const reached = (factor: number): number | null => {
    const afterMs = reachedAfterMs(outlook, included - used, factor, leftMs);
    return afterMs === undefined ? null : Math.round(nowMs + afterMs);
  };
  return {
    customer: id,
    feature,
    limit,
    meter,
    window,
    included,
    cap: capOf(quota.limit, included),
    used,
    expected: total(1),
    low: total(factors.low),
    high: total(factors.high),
    reachesAtMs: reached(1),
    reachesFromMs: reached(factors.high),
    reachesToMs: reached(factors.low),
    asOfMs: nowMs,
  };
}

/** What admissions stop at: semantics.md, "quota". */
export function capOf({ overage }: QuotaLimit, included: number): number | null {
  if (overage === 'allow') return null;
  return typeof overage === 'object' ? Math.min(AMOUNT_MAX, included + overage.upTo) : included;
}

const wholeAmount = (amount: number): number => Math.min(AMOUNT_MAX, Math.max(0, Math.round(amount)));

const historyOf = (row: HistoryRow): History => ({
  weightedHours: row.hours,
  days: row.days,
  ageHours: row.ageHours + 1,
});
