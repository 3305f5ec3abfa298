import { z } from 'zod';
import { type Customer, idSchema, type QuotaLimit } from '../../engine/index.js';
import { resolveWindow } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { greater, sumSchema } from './amounts.js';
import { loadCustomers, quotasOf, type ReportCatalog, scaleOf } from './catalog.js';
import { cursorParameter, customerParameter, formatParameter, limitParameter } from './parameters.js';
import { monthPeriod, type Period, partitionFrom, windowsIn, ZONE_MARGIN_MS } from './periods.js';

const activeCustomers = loadQuery('active-customers');
const windowUsage = loadQuery('window-usage');
const periodUsage = loadQuery('period-usage');
const deniedUsage = loadQuery('denied-usage');

const CUSTOMERS_DEFAULT = 10_000;
const CUSTOMERS_MAX = 100_000;
/** Customers of one round of queries. */
const PAGE_CUSTOMERS = 5_000;

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
  edgeMs: z.coerce.number(),
  used: sumSchema,
  overage: sumSchema,
  included: sumSchema,
  windows: z.number(),
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
type WindowRow = z.output<typeof windowSchema>;
type UsedRow = z.output<typeof usedSchema>;
type DeniedRow = z.output<typeof deniedSchema>;

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
  /** The day (UTC) with the most usage; null when there was none. */
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
 * How much of what was included each customer used in a month, per feature, a page of customers at a time.
 *
 * A feature with a quota is measured against one of its quotas: the first by the month, else the first one. Then `used`
 * is what was charged to the quota's windows that begin in the month, in their own zone: the very sums that the
 * enforcement counted. Windows shorter than a month are added up, `included` too. Without a quota, or with one longer
 * than a month, `used` is what happened in the month by UTC. Customers without usage and denials have no row.
 *
 * @throws WeirError `invalid_period`.
 */
export async function* utilizationPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: UtilizationRequest,
): AsyncGenerator<{ facts: UtilizationFact[]; last: string; more: boolean }> {
  const month = monthPeriod(request.period);
  let after = request.after;
  for (let left = request.limit; left > 0; ) {
    const size = Math.min(left, PAGE_CUSTOMERS);
    const ids = await clickhouse.query(
      activeCustomers,
      { ...margins(month), customer: request.customer, after, limit: size + 1 },
      customerSchema,
    );
    const page = ids.slice(0, size).map((row) => row.customer);
    const [first, last] = [page[0], page.at(-1)];
    if (first === undefined || last === undefined) return;
    const facts = await utilizationOf(clickhouse, catalog, request, month, first, last);
    const more = ids.length > size;
    yield { facts, last, more };
    if (!more) return;
    left -= size;
    after = last;
  }
}

const margins = (month: Period) => {
  const fromMs = month.startMs - ZONE_MARGIN_MS;
  return { fromMs, toMs: month.endMs + ZONE_MARGIN_MS, fromMonth: partitionFrom(fromMs) };
};

async function utilizationOf(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: UtilizationRequest,
  month: Period,
  firstCustomer: string,
  lastCustomer: string,
): Promise<UtilizationFact[]> {
  const span = { firstCustomer, lastCustomer };
  const core = { coreFromMs: month.startMs + ZONE_MARGIN_MS, coreToMs: month.endMs - ZONE_MARGIN_MS };
  const inMonth = { fromMs: month.startMs, toMs: month.endMs, fromMonth: partitionFrom(month.startMs) };
  const [windows, used, denied] = await Promise.all([
    clickhouse.query(windowUsage, { ...span, ...margins(month), ...core }, windowSchema),
    clickhouse.query(periodUsage, { ...span, ...inMonth }, usedSchema),
    clickhouse.query(deniedUsage, { ...span, fromMs: month.startMs, toMs: month.endMs }, deniedSchema),
  ]);
  const wanted = <T extends { customer: string }>(rows: T[]): T[] =>
    request.customer === '' ? rows : rows.filter((row) => row.customer === request.customer);
  const windowsByKey = grouped(wanted(windows));
  const usedByKey = grouped(wanted(used));
  const deniedByKey = grouped(wanted(denied));
  const keys = new Map([...wanted(windows), ...wanted(used), ...wanted(denied)].map((row) => [keyOf(row), row]));
  const customers = await loadCustomers(
    catalog,
    [...keys.values()].map((row) => row.customer),
  );
  const facts: UtilizationFact[] = [];
  for (const [key, { customer, feature }] of keys) {
    const current = customers.get(customer);
    if (request.plan !== undefined && current?.plan !== request.plan) continue;
    const fact = utilizationFact(
      catalog,
      request.period,
      { id: customer, current, feature },
      {
        windows: windowsByKey.get(key) ?? [],
        used: usedByKey.get(key)?.[0],
        denied: deniedByKey.get(key)?.[0],
      },
    );
    if (fact !== undefined) facts.push(fact);
  }
  return facts.sort((left, right) => compare(left.customer, right.customer) || compare(left.feature, right.feature));
}

/** Undefined where nothing of the customer's falls into the month after all: it was in the margins. */
function utilizationFact(
  catalog: ReportCatalog,
  period: string,
  who: { id: string; current: Customer | undefined; feature: string },
  rows: { windows: readonly WindowRow[]; used: UsedRow | undefined; denied: DeniedRow | undefined },
): UtilizationFact | undefined {
  const month = monthPeriod(period, who.current?.timezone ?? 'UTC');
  const inMonth = rows.windows.filter(
    ({ edgeMs }) => edgeMs === 0 || (edgeMs >= month.startMs && edgeMs < month.endMs),
  );
  if (inMonth.length === 0 && rows.used === undefined && rows.denied === undefined) return undefined;
  const meter = rows.used?.meter ?? rows.denied?.meter ?? catalog.feature(who.feature)?.meter ?? '';
  const quota = quotaOf(catalog, who.current, who.feature, inMonth);
  const measured = measure(quota, inMonth, who.current, month, rows.used?.used ?? 0n);
  return {
    customer: who.id,
    plan: who.current?.plan ?? null,
    feature: who.feature,
    meter,
    scale: scaleOf(catalog, meter),
    ...measured,
    deniedCount: rows.denied?.deniedCount ?? 0n,
    deniedAmount: rows.denied?.deniedAmount ?? 0n,
    peakDay: rows.used?.peakDay ?? null,
    peakDayUsed: rows.used?.peakDayUsed ?? 0n,
  };
}

interface Quota {
  readonly id: string;
  /** Undefined when the catalog no longer has it. */
  readonly limit: QuotaLimit | undefined;
  /** By the catalog now, for a month in which nothing was charged to it. */
  readonly included: bigint;
}

/** The quota to measure against: the first monthly one, else the first, else what was charged with the fewest windows. */
function quotaOf(
  catalog: ReportCatalog,
  customer: Customer | undefined,
  feature: string,
  windows: readonly WindowRow[],
): Quota | undefined {
  const quotas = customer === undefined ? [] : quotasOf(catalog, customer, feature);
  const chosen = quotas.find(({ limit }) => limit.window.every === 'month') ?? quotas[0];
  const charged = new Map<string, number>();
  for (const row of windows) charged.set(row.limitId, (charged.get(row.limitId) ?? 0) + row.windows);
  if (chosen !== undefined && (charged.size === 0 || charged.has(chosen.limit.id) || isLong(chosen.limit))) {
    return { id: chosen.limit.id, limit: chosen.limit, included: BigInt(chosen.included) };
  }
  const [fewest] = [...charged].sort((left, right) => left[1] - right[1]);
  return fewest === undefined ? undefined : { id: fewest[0], limit: undefined, included: 0n };
}

const isLong = (limit: QuotaLimit): boolean => limit.window.every === 'year' || limit.window.every === 'lifetime';

function measure(
  quota: Quota | undefined,
  windows: readonly WindowRow[],
  customer: Customer | undefined,
  month: Period,
  usedInMonth: bigint,
): Pick<UtilizationFact, 'limit' | 'included' | 'used' | 'overage'> {
  if (quota === undefined) return { limit: null, included: null, used: usedInMonth, overage: 0n };
  const rows = windows.filter((row) => row.limitId === quota.id);
  const latest = rows.at(-1)?.included ?? quota.included;
  if (quota.limit !== undefined && isLong(quota.limit)) {
    return { limit: quota.id, included: latest, used: usedInMonth, overage: greater(usedInMonth - latest, 0n) };
  }
  const window = quota.limit && customer && resolveWindow(quota.limit.window, customer);
  const count = window
    ? windowsIn(month, window.every, window.anchorMs, window.timezone)
    : rows.reduce((sum, row) => sum + row.windows, 0);
  return {
    limit: quota.id,
    included: latest * BigInt(Math.max(1, count)),
    used: rows.reduce((sum, row) => sum + row.used, 0n),
    overage: rows.reduce((sum, row) => sum + row.overage, 0n),
  };
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
