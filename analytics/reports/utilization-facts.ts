import { z } from 'zod';
import type { Customer } from '../../engine/index.js';
import { resolveWindow, windowAt } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { byUtcDay, loadQuery } from '../queries.js';
import { sumSchema } from './amounts.js';
import { entityFilter, type ReportCatalog, scaleOf } from './catalog.js';
import type { ZoneGroup } from './customer-pages.js';
import {
  chooseQuota,
  isShort,
  type Measured,
  measure,
  quotasFor,
  reachesPast,
  UNMEASURED,
  type WindowRow,
} from './measure.js';
import { monthPeriod, type Period, partitionFrom } from './periods.js';

const windowCharges = loadQuery('window-charges');
const windowUsage = loadQuery('window-usage');
const periodUsage = loadQuery('period-usage');
const deniedUsage = loadQuery('denied-usage');

/** A window of a quota that the catalog no longer has may have begun this long before the month. */
const DAY_MS = 24 * 3_600_000;
const MONTH_MS_MAX = 32 * DAY_MS;

const chargesSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  limitId: z.string(),
  windowMs: z.coerce.number(),
  charged: sumSchema,
  overage: sumSchema,
  included: sumSchema,
});
const windowSchema = chargesSchema.extend({ before: sumSchema, inside: sumSchema });
type CustomerWindow = z.output<typeof windowSchema>;
const usedSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  meter: z.string(),
  used: sumSchema,
  late: sumSchema,
  counted: sumSchema,
  peakDay: z.string(),
  peakDayUsed: sumSchema,
});
const deniedSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  meter: z.string(),
  deniedCount: sumSchema,
  deniedAmount: sumSchema,
});

/** One customer, feature and meter; amounts as whole numbers in the meter's smallest unit. */
export interface UtilizationFact {
  readonly customer: string;
  /** The plan now; null for a customer that is no longer in the catalog. */
  readonly plan: string | null;
  /** '' where no feature of the customer charged what happened. */
  readonly feature: string;
  /** '' for denials of what has no meter. */
  readonly meter: string;
  readonly scale: number;
  /** The quota that the row is measured against; null where the feature has none. */
  readonly limit: string | null;
  readonly included: bigint | null;
  readonly used: bigint;
  /** Of `used`, what came too late for its window: only the ledger has it. */
  readonly late: bigint;
  /** What the meter counts of `used`: 0 where another feature's row counts it. */
  readonly counted: bigint;
  readonly overage: bigint;
  readonly deniedCount: bigint;
  readonly deniedAmount: bigint;
  /** The customer's local day with the most usage; null when there was none. */
  readonly peakDay: string | null;
  readonly peakDayUsed: bigint;
}

/**
 * The rows of some customers for a month. One rule: `used` is the sum of what happened in the calendar month of the
 * customer's zone, what came late included, corrections taken off. What is included, and what went past it, is told by
 * one quota of the feature (the first by the month, else the first one) and its windows: measure.ts.
 */
export async function utilizationOf(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  month: string,
  group: ZoneGroup,
): Promise<UtilizationFact[]> {
  const period = monthPeriod(month, group.timezone);
  const { windows, used, denied } = await read(clickhouse, catalog, period, group);
  const windowsOf = grouped(windows, featureKey);
  const usedOf = new Map(used.map((row) => [rowKey(catalog, row), row]));
  const deniedOf = grouped(denied, (row) => rowKey(catalog, row));
  const measuredHere = new Set<string>();
  const keys = new Map([...inCatalogFirst(catalog, used), ...denied].map((row) => [rowKey(catalog, row), row]));
  return [...keys].flatMap(([key, { customer, feature, meter: recorded }]) => {
    const meter = meterOf(catalog, feature, recorded);
    if (!addsUp(catalog, meter)) return [];
    const happened = usedOf.get(key);
    const refused = deniedOf.get(key) ?? [];
    const current = group.customers.get(customer);
    // A feature that was moved to another meter within the month is measured once.
    const once = featureKey({ customer, feature });
    const measured =
      feature === '' || measuredHere.has(once)
        ? UNMEASURED
        : measuredBy(catalog, current, group.entity, feature, windowsOf.get(once) ?? [], period);
    measuredHere.add(once);
    return {
      customer,
      plan: current?.plan ?? null,
      feature,
      meter,
      scale: scaleOf(catalog, meter),
      ...measured,
      used: happened?.used ?? 0n,
      late: happened?.late ?? 0n,
      counted: happened?.counted ?? 0n,
      deniedCount: sum(refused.map((row) => row.deniedCount)),
      deniedAmount: sum(refused.map((row) => row.deniedAmount)),
      peakDay: happened?.peakDay ?? null,
      peakDayUsed: happened?.peakDayUsed ?? 0n,
    };
  });
}

async function read(clickhouse: Pick<ClickHouse, 'query'>, catalog: ReportCatalog, period: Period, group: ZoneGroup) {
  const { startMs: fromMs, endMs: toMs } = period;
  const [first = ''] = group.ids;
  const span = { customers: group.ids, fromMs, toMs, ...entityFilter(group.customers.get(first), group.entity) };
  const { historyMs, ...limits } = quotasOfGroup(catalog, group, fromMs);
  const history = { historyMs, historyMonth: partitionFrom(historyMs), ...limits };
  const month = { fromMonth: partitionFrom(fromMs), timezone: group.timezone };
  const form = group.timezone === 'UTC' ? byUtcDay : (sql: string): string => sql;
  const [charges, used, denied] = await Promise.all([
    clickhouse.query(windowCharges, { ...span, ...history }, chargesSchema),
    clickhouse.query(form(periodUsage), { ...span, ...month }, usedSchema),
    clickhouse.query(form(deniedUsage), span, deniedSchema),
  ]);
  const whole = charges.map((row) => ({ ...row, before: 0n, inside: 0n }));
  const past = customersPast(catalog, period, group, whole);
  if (past.size === 0) return { windows: whole, used, denied };
  const customers = [...past];
  const split = await clickhouse.query(form(windowUsage), { ...span, ...history, customers }, windowSchema);
  return { windows: [...whole.filter(({ customer }) => !past.has(customer)), ...split], used, denied };
}

/** Customers that are measured by a window which reaches past the period: what of it fell inside must be asked for. */
function customersPast(
  catalog: ReportCatalog,
  period: Period,
  group: ZoneGroup,
  windows: readonly CustomerWindow[],
): Set<string> {
  const past = new Set<string>();
  for (const rows of grouped(windows, featureKey).values()) {
    const [{ customer, feature } = { customer: '', feature: '' }] = rows;
    if (past.has(customer)) continue;
    const current = group.customers.get(customer);
    const quota = chooseQuota(catalog, current, group.entity, feature, rows, period.endMs - 1);
    if (reachesPast(quota, rows, period)) past.add(customer);
  }
  return past;
}

function measuredBy(
  catalog: ReportCatalog,
  customer: Customer | undefined,
  entity: string | undefined,
  feature: string,
  rows: readonly WindowRow[],
  period: Period,
): Measured {
  return measure(chooseQuota(catalog, customer, entity, feature, rows, period.endMs - 1), rows, period);
}

/**
 * How far back the windows in the month reach; names of the quotas that are measured by, and of those that are shorter
 * than a month wherever they stand.
 */
function quotasOfGroup(catalog: ReportCatalog, group: ZoneGroup, fromMs: number) {
  let historyMs = fromMs - MONTH_MS_MAX;
  const [short, long] = [new Set<string>(), new Set<string>()];
  for (const id of group.ids) {
    const customer = group.customers.get(id);
    if (customer === undefined) continue;
    for (const feature of featuresOf(catalog, customer, group.entity)) {
      for (const { name, limit } of quotasFor(catalog, customer, group.entity, feature, fromMs)) {
        (isShort(limit) ? short : long).add(name);
        historyMs = Math.min(historyMs, windowAt(resolveWindow(limit.window, customer), fromMs).startMs);
      }
    }
  }
  return {
    historyMs: Math.max(0, floorDay(historyMs)),
    shortLimits: [...short].filter((name) => !long.has(name)),
    ownLimits: [...short, ...long],
    limitPrefix: group.entity === undefined ? '' : `${group.entity}/`,
  };
}

/** A window that began within a day is told from others by its own start, so that more of the past does no harm. */
const floorDay = (ms: number): number => ms - (((ms % DAY_MS) + DAY_MS) % DAY_MS);

/** Features that may have quotas: by the plan and the add-ons, or the entity's. */
function featuresOf(catalog: ReportCatalog, customer: Customer, entity: string | undefined): Iterable<string> {
  if (entity !== undefined) return Object.keys(customer.entities?.find(({ id }) => id === entity)?.features ?? {});
  const grants = [catalog.plan(customer.plan), ...customer.addons.map((addon) => catalog.addon(addon))];
  return new Set(grants.flatMap((grant) => Object.keys(grant?.features ?? {})));
}

type Key = { readonly customer: string; readonly feature: string; readonly meter: string };

const featureKey = ({ customer, feature }: Pick<Key, 'customer' | 'feature'>): string =>
  JSON.stringify([customer, feature]);

const rowKey = (catalog: ReportCatalog, { customer, feature, meter }: Key): string =>
  JSON.stringify([customer, feature, meterOf(catalog, feature, meter)]);

/** A denial may not have got as far as its feature's meter. */
const meterOf = (catalog: ReportCatalog, feature: string, recorded: string): string =>
  recorded === '' ? (catalog.feature(feature)?.meter ?? '') : recorded;

/** The meter that the catalog gives a feature now comes before those it had. */
const inCatalogFirst = <T extends Key>(catalog: ReportCatalog, rows: readonly T[]): T[] => {
  const isCurrent = (row: T): boolean => catalog.feature(row.feature)?.meter === row.meter;
  return [...rows.filter(isCurrent), ...rows.filter((row) => !isCurrent(row))];
};

/** Readings, maxima and unique values have no sum over a month: `/v1/usage` tells them. */
function addsUp(catalog: ReportCatalog, meter: string): boolean {
  const aggregation = catalog.meter(meter)?.aggregation;
  return aggregation === undefined || aggregation === 'sum' || aggregation === 'count';
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);

function grouped<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}
