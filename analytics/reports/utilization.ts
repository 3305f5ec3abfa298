import { z } from 'zod';
import { type Customer, idSchema } from '../../engine/index.js';
import { resolveWindow, windowAt } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { sumSchema } from './amounts.js';
import { loadCustomers, quotasOf, type ReportCatalog, scaleOf } from './catalog.js';
import { chooseQuota, isShort, measure } from './measure.js';
import { cursorParameter, customerParameter, formatParameter, limitParameter } from './parameters.js';
import { monthPeriod, partitionFrom, ZONE_MARGIN_MS } from './periods.js';

const activeCustomers = loadQuery('active-customers');
const windowUsage = loadQuery('window-usage');
const periodUsage = loadQuery('period-usage');
const deniedUsage = loadQuery('denied-usage');

const CUSTOMERS_DEFAULT = 10_000;
const CUSTOMERS_MAX = 100_000;
/** Customers of one round of queries. */
const PAGE_CUSTOMERS = 5_000;
/** A window of a quota that the catalog no longer has may have begun this long before the month. */
const MONTH_MS_MAX = 32 * 24 * 3_600_000;

export const utilizationParameters = z.strictObject({
  /** A calendar month, `2026-11`. */
  period: z.string().max(20),
  customer: customerParameter,
  plan: idSchema.optional(),
  format: formatParameter,
  limit: limitParameter(CUSTOMERS_DEFAULT, CUSTOMERS_MAX),
  cursor: cursorParameter,
});

const customerSchema = z.object({ customer: z.string() });
const windowSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  limitId: z.string(),
  windowMs: z.coerce.number(),
  charged: sumSchema,
  before: sumSchema,
  inside: sumSchema,
  overage: sumSchema,
  included: sumSchema,
});
const usedSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  meter: z.string(),
  used: sumSchema,
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

/** One customer and feature, amounts as whole numbers in the meter's smallest unit. */
export interface UtilizationFact {
  readonly customer: string;
  /** The plan now; null for a customer that is no longer in the catalog. */
  readonly plan: string | null;
  readonly feature: string;
  readonly meter: string;
  readonly scale: number;
  /** The quota that the row is measured against; null where the feature has none. */
  readonly limit: string | null;
  readonly included: bigint | null;
  readonly used: bigint;
  readonly overage: bigint;
  readonly deniedCount: bigint;
  readonly deniedAmount: bigint;
  /** The customer's local day with the most usage; null when there was none. */
  readonly peakDay: string | null;
  readonly peakDayUsed: bigint;
}

export interface UtilizationRequest {
  readonly period: string;
  /** '' for all. */
  readonly customer: string;
  readonly plan: string | undefined;
  readonly after: string;
  /** Customers at most. */
  readonly limit: number;
}

/**
 * How much of what was included each customer used in a calendar month of its own zone, per feature, a page of
 * customers at a time.
 *
 * A feature with quotas is measured against one of them: the first by the month, else the first one. `used` is what was
 * charged to its windows that lie in the month, the very sums that the enforcement counted; of a window that reaches
 * past the month, what happened in the month (measure.ts). Windows shorter than a month are added up, `included` too.
 * Without a quota `used` is all that happened in the month. Customers without usage and denials have no row.
 *
 * @throws WeirError `invalid_period`.
 */
export async function* utilizationPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: UtilizationRequest,
): AsyncGenerator<{ facts: UtilizationFact[]; last: string; more: boolean }> {
  const month = monthPeriod(request.period);
  const fromMs = month.startMs - ZONE_MARGIN_MS;
  const margins = { fromMs, toMs: month.endMs + ZONE_MARGIN_MS, fromMonth: partitionFrom(fromMs) };
  let after = request.after;
  for (let left = request.limit; left > 0; ) {
    const size = Math.min(left, PAGE_CUSTOMERS);
    const parameters = { ...margins, customer: request.customer, after, limit: size + 1 };
    const rows = await clickhouse.query(activeCustomers, parameters, customerSchema);
    const ids = rows.slice(0, size).map((row) => row.customer);
    const last = ids.at(-1);
    if (last === undefined) return;
    const facts: UtilizationFact[] = [];
    for (const group of await groupsByZone(catalog, ids, request.plan)) {
      facts.push(...(await utilizationOf(clickhouse, catalog, request.period, group)));
    }
    facts.sort((left, right) => compare(left.customer, right.customer) || compare(left.feature, right.feature));
    const more = rows.length > size;
    yield { facts, last, more };
    if (!more) return;
    left -= size;
    after = last;
  }
}

/** Customers whose months begin and end at the same instants. */
interface ZoneGroup {
  readonly timezone: string;
  readonly ids: string[];
  readonly customers: Map<string, Customer>;
}

async function groupsByZone(
  catalog: ReportCatalog,
  ids: readonly string[],
  plan: string | undefined,
): Promise<Iterable<ZoneGroup>> {
  const customers = await loadCustomers(catalog, ids);
  const groups = new Map<string, ZoneGroup>();
  for (const id of ids) {
    const customer = customers.get(id);
    if (plan !== undefined && customer?.plan !== plan) continue;
    const timezone = customer?.timezone ?? 'UTC';
    const group = groups.get(timezone) ?? { timezone, ids: [], customers };
    groups.set(timezone, group);
    group.ids.push(id);
  }
  return groups.values();
}

async function utilizationOf(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  period: string,
  group: ZoneGroup,
): Promise<UtilizationFact[]> {
  const { startMs: fromMs, endMs: toMs } = monthPeriod(period, group.timezone);
  const span = { customers: group.ids, fromMs, toMs };
  const fromMonth = partitionFrom(fromMs);
  const { historyMs, shortLimits } = quotasOfGroup(catalog, group, fromMs);
  const history = { historyMs, historyMonth: partitionFrom(historyMs), shortLimits };
  const [windows, used, denied] = await Promise.all([
    clickhouse.query(windowUsage, { ...span, ...history }, windowSchema),
    clickhouse.query(periodUsage, { ...span, fromMonth, timezone: group.timezone }, usedSchema),
    clickhouse.query(deniedUsage, span, deniedSchema),
  ]);
  const windowsByKey = grouped(windows);
  const usedByKey = new Map(used.map((row) => [keyOf(row), row]));
  const deniedByKey = new Map(denied.map((row) => [keyOf(row), row]));
  const keys = new Map([...windows, ...used, ...denied].map((row) => [keyOf(row), row]));
  return [...keys].flatMap(([key, { customer, feature }]) => {
    const rows = windowsByKey.get(key) ?? [];
    const [happened, refused] = [usedByKey.get(key), deniedByKey.get(key)];
    const current = group.customers.get(customer);
    const quota = chooseQuota(catalog, current, feature, rows);
    const measured = measure(quota, rows, { startMs: fromMs, endMs: toMs }, happened?.used ?? 0n);
    // Charged before the month, to a window that goes on.
    if (measured.used === 0n && happened === undefined && refused === undefined) return [];
    const meter = happened?.meter ?? refused?.meter ?? catalog.feature(feature)?.meter ?? '';
    return {
      customer,
      plan: current?.plan ?? null,
      feature,
      meter,
      scale: scaleOf(catalog, meter),
      ...measured,
      deniedCount: refused?.deniedCount ?? 0n,
      deniedAmount: refused?.deniedAmount ?? 0n,
      peakDay: happened?.peakDay ?? null,
      peakDayUsed: happened?.peakDayUsed ?? 0n,
    };
  });
}

/** How far back the windows in the month reach, and ids of quotas that are shorter than a month wherever they stand. */
function quotasOfGroup(catalog: ReportCatalog, group: ZoneGroup, fromMs: number) {
  let historyMs = fromMs - MONTH_MS_MAX;
  const [short, long] = [new Set<string>(), new Set<string>()];
  for (const id of group.ids) {
    const customer = group.customers.get(id);
    if (customer === undefined) continue;
    for (const feature of Object.keys(catalog.plan(customer.plan)?.features ?? {})) {
      for (const { limit } of quotasOf(catalog, customer, feature)) {
        (isShort(limit) ? short : long).add(limit.id);
        historyMs = Math.min(historyMs, windowAt(resolveWindow(limit.window, customer), fromMs).startMs);
      }
    }
  }
  return { historyMs: Math.max(0, historyMs), shortLimits: [...short].filter((id) => !long.has(id)) };
}

const keyOf = (row: { customer: string; feature: string }): string => JSON.stringify([row.customer, row.feature]);

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

function grouped<T extends { customer: string; feature: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}
