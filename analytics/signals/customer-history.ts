import { z } from 'zod';
import type { Customer } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import type { Forecast } from '../forecast/forecaster.js';
import { loadQuery } from '../queries.js';
import { sumSchema } from '../reports/amounts.js';
import { RULE_DAYS_MAX, RULE_WINDOWS_MAX } from './rules-file.js';

const signalDays = loadQuery('signal-days');
const signalWindows = loadQuery('signal-windows');
const signalDenials = loadQuery('signal-denials');
const signalSeason = loadQuery('signal-season');

const DAY_MS = 86_400_000;
/** The same weekday a year before. */
export const YEAR_DAYS = 364;
const HISTORY_DAYS = YEAR_DAYS + 2 * RULE_DAYS_MAX;

const sparseSchema = z.tuple([z.array(z.number()), z.array(z.coerce.number())]);
const daysSchema = z.object({ customer: z.string(), feature: z.string(), days: sparseSchema });
const windowSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  limitId: z.string(),
  windowStartMs: z.coerce.number(),
  used: sumSchema,
  windowIncluded: z.coerce.number(),
});
const denialSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  reason: z.string(),
  limitId: z.string(),
  hours: sparseSchema,
});
const seasonSchema = z.object({
  feature: z.string(),
  customers: z.coerce.number(),
  ratio: z.number(),
  silentDays: z.coerce.number(),
});

const ledgerSchema = z.object({ sinceMs: z.coerce.number() });

/** What was charged to one window. */
export interface WindowUse {
  readonly startMs: number;
  readonly used: number;
  readonly included: number;
}

export interface DenialHours {
  readonly feature: string;
  readonly reason: string;
  /** '' where no limit denied. */
  readonly limit: string;
  /** Denials by the hour they begin in. */
  readonly hours: readonly { readonly startMs: number; readonly denials: number }[];
}

/** What the rules are told of one customer. */
export interface CustomerHistory {
  readonly customer: Customer;
  /** By feature the use of each of the last days, the newest first; day 0 is the last 24 hours. */
  readonly days: ReadonlyMap<string, readonly number[]>;
  /** By `limitKeyOf` the latest windows that were charged, the newest first. */
  readonly windows: ReadonlyMap<string, readonly WindowUse[]>;
  readonly denials: readonly DenialHours[];
  readonly forecasts: readonly Forecast[];
}

/** What is usual for everyone just now. */
export interface Season {
  /** By feature the median of recent use to the use before; 1 where too few customers tell. */
  ratioOf(feature: string): number;
  /** The median of the days since the last use. */
  readonly silentDays: number;
  /** When the first fact of anyone was charged: what was before, nobody knows. */
  readonly ledgerSinceMs: number;
}

export const limitKeyOf = (feature: string, limit: string): string => JSON.stringify([feature, limit]);

/** Reads what the rules ask of some customers. */
export async function readHistories(
  clickhouse: Pick<ClickHouse, 'query'>,
  customers: ReadonlyMap<string, Customer>,
  forecasts: readonly Forecast[],
  nowMs: number,
): Promise<CustomerHistory[]> {
  if (customers.size === 0) return [];
  const ids = [...customers.keys()];
  const fromMs = Math.max(0, nowMs - (YEAR_DAYS + RULE_DAYS_MAX) * DAY_MS);
  const [days, windows, denials] = await Promise.all([
    clickhouse.query(signalDays, { customers: ids, nowMs, days: HISTORY_DAYS }, daysSchema),
    clickhouse.query(signalWindows, { customers: ids, windows: RULE_WINDOWS_MAX + 1 }, windowSchema),
    clickhouse.query(signalDenials, { customers: ids, fromMs }, denialSchema),
  ]);
  const [daysOf, windowsOf] = [grouped(days), grouped(windows)];
  const [denialsOf, forecastsOf] = [grouped(denials), grouped(forecasts)];
  return [...customers].map(([id, customer]) => ({
    customer,
    days: new Map((daysOf.get(id) ?? []).map((row) => [row.feature, dense(row.days)])),
    windows: windowsByLimit(windowsOf.get(id) ?? []),
    denials: (denialsOf.get(id) ?? []).map(({ feature, reason, limitId: limit, hours: [starts, counts] }) => ({
      ...{ feature, reason, limit },
      hours: starts.map((start, index) => ({ startMs: start * 1_000, denials: counts[index] ?? 0 })),
    })),
    forecasts: forecastsOf.get(id) ?? [],
  }));
}

/** Fewer customers than this are no season. */
const SEASON_CUSTOMERS_MIN = 5;

/** @param recentDays against the `baselineDays` before them. */
export async function readSeason(
  clickhouse: Pick<ClickHouse, 'query'>,
  recentDays: number,
  baselineDays: number,
  nowMs: number,
): Promise<Season> {
  const [rows, [ledger]] = await Promise.all([
    clickhouse.query(signalSeason, { nowMs, recentDays, baselineDays }, seasonSchema),
    clickhouse.query('SELECT toUnixTimestamp64Milli(min(charged_at)) AS sinceMs FROM usage_facts', {}, ledgerSchema),
  ]);
  const told = new Map(
    rows.filter(({ customers }) => customers >= SEASON_CUSTOMERS_MIN).map((row) => [row.feature, row]),
  );
  return {
    ratioOf: (feature) => told.get(feature)?.ratio ?? 1,
    silentDays: told.get('')?.silentDays ?? 0,
    // 0: there is no fact yet.
    ledgerSinceMs: (ledger?.sinceMs ?? 0) || nowMs,
  };
}

function windowsByLimit(rows: readonly z.output<typeof windowSchema>[]): Map<string, WindowUse[]> {
  const windows = new Map<string, WindowUse[]>();
  for (const { feature, limitId, windowStartMs, used, windowIncluded } of rows) {
    const key = limitKeyOf(feature, limitId);
    const window = { startMs: windowStartMs, used: Number(used), included: windowIncluded };
    const known = windows.get(key);
    if (known === undefined) windows.set(key, [window]);
    else known.push(window);
  }
  return windows;
}

function dense([ages, amounts]: z.output<typeof sparseSchema>): number[] {
  const days = new Array<number>(HISTORY_DAYS).fill(0);
  ages.forEach((age, index) => {
    days[age] = Math.max(0, amounts[index] ?? 0);
  });
  return days;
}

function grouped<T extends { readonly customer: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.customer);
    if (group === undefined) groups.set(row.customer, [row]);
    else group.push(row);
  }
  return groups;
}
