import type { Customer, QuotaLimit } from '../../engine/index.js';
import { type ResolvedWindow, resolveWindow, windowAt } from '../../engine/limits/window.js';
import { greater } from './amounts.js';
import { type CurrentQuota, entityQuotasOf, quotasOf, type ReportCatalog } from './catalog.js';
import { type Period, windowsIn } from './periods.js';

/** What was charged to one window of one quota, or to all windows of a short quota together (`windowMs` 0). */
export interface WindowRow {
  readonly limitId: string;
  readonly windowMs: number;
  readonly charged: bigint;
  /** Of it, what happened before the period, and in it. */
  readonly before: bigint;
  readonly inside: bigint;
  readonly overage: bigint;
  readonly included: bigint;
}

/** The quota that a customer's use of a feature is measured against. */
export interface Quota {
  readonly id: string;
  /** Undefined when the catalog no longer has it. */
  readonly window: ResolvedWindow | undefined;
  /** By the catalog now: for a period in which nothing was charged to it. */
  readonly included: bigint;
}

export const isShort = (limit: QuotaLimit): boolean => ['minute', 'hour', 'day', 'week'].includes(limit.window.every);

/**
 * The first monthly quota of the catalog, else its first one; else one that was charged and is gone by now.
 * @param entity whose quotas; undefined for the customer's own.
 * @param atMs which grants there are.
 */
export function chooseQuota(
  catalog: ReportCatalog,
  customer: Customer | undefined,
  entity: string | undefined,
  feature: string,
  rows: readonly WindowRow[],
  atMs: number,
): Quota | undefined {
  const quotas = customer === undefined ? [] : quotasFor(catalog, customer, entity, feature, atMs);
  const monthly = quotas.find(({ limit }) => limit.window.every === 'month') ?? quotas[0];
  const charged = new Set(rows.map((row) => row.limitId));
  if (customer !== undefined && monthly !== undefined && (charged.size === 0 || charged.has(monthly.name))) {
    const window = resolveWindow(monthly.limit.window, customer);
    return { id: monthly.name, window, included: BigInt(monthly.included) };
  }
  const [gone] = charged;
  return gone === undefined ? undefined : { id: gone, window: undefined, included: 0n };
}

/** Quotas that a report measures by: an entity's own, or the customer's own. */
export const quotasFor = (
  catalog: ReportCatalog,
  customer: Customer,
  entity: string | undefined,
  feature: string,
  atMs: number,
): CurrentQuota[] =>
  entity === undefined ? quotasOf(catalog, customer, feature, atMs) : entityQuotasOf(customer, entity, feature);

export interface Measured {
  readonly limit: string | null;
  readonly included: bigint | null;
  readonly overage: bigint;
}

/** Nothing is included where there is no quota. */
export const UNMEASURED: Measured = { limit: null, included: null, overage: 0n };

/**
 * What a quota included in a period, and what went past it. A window that lies in the period counts whole, by what was
 * charged to it; of a window that reaches past the period the overage is what the period added to it.
 */
export function measure(quota: Quota | undefined, all: readonly WindowRow[], period: Period): Measured {
  if (quota === undefined) return UNMEASURED;
  let overage = 0n;
  let included = quota.included;
  for (const row of all) {
    if (row.limitId !== quota.id) continue;
    const added = overageOf(row, quota.window, period);
    if (added === undefined) continue;
    overage += added;
    included = row.included;
  }
  return { limit: quota.id, included: included * BigInt(windowCount(quota.window, period)), overage };
}

/** True where `measure` needs `before` and `inside`: a window of the quota has a part in the period, and reaches past it. */
export function reachesPast(quota: Quota | undefined, all: readonly WindowRow[], period: Period): boolean {
  return all.some((row) => row.limitId === quota?.id && placeOf(row, quota.window, period) === 'past');
}

/**
 * Where a window lies: outside the period, wholly inside, or reaching past it. `short` is the sum of the short ones that
 * begin in it, `unknown` such a sum of a quota that is gone.
 */
function placeOf(
  { windowMs }: WindowRow,
  window: ResolvedWindow | undefined,
  period: Period,
): 'outside' | 'inside' | 'past' | 'short' | 'unknown' {
  if (windowMs === 0 && window === undefined) return 'unknown';
  if (windowMs === 0 && window?.every !== 'lifetime') return 'short';
  const bounds = window === undefined ? undefined : windowAt(window, windowMs);
  // A window that the calendar of now does not have is one of a definition before: nobody knows where it ended.
  const endMs = bounds?.startMs === windowMs ? bounds.endMs : Number.POSITIVE_INFINITY;
  if (endMs <= period.startMs || windowMs >= period.endMs) return 'outside';
  return windowMs >= period.startMs && endMs <= period.endMs ? 'inside' : 'past';
}

/** Undefined for a window that the period has no part in. */
function overageOf(row: WindowRow, window: ResolvedWindow | undefined, period: Period): bigint | undefined {
  const over = (used: bigint): bigint => greater(used - row.included, 0n);
  switch (placeOf(row, window, period)) {
    case 'unknown':
      return 0n;
    case 'short':
      return row.overage;
    case 'outside':
      return undefined;
    case 'inside':
      return over(row.charged);
    case 'past':
      return row.inside === 0n ? undefined : over(row.before + row.inside) - over(row.before);
  }
}

const windowCount = (window: ResolvedWindow | undefined, period: Period): number =>
  window === undefined ? 1 : windowsIn(period, window.every, window.anchorMs, window.timezone);
