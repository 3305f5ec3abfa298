import type { Customer } from '../../engine/index.js';
import { NEVER_MS, type ResolvedWindow, resolveWindow, windowAt } from '../../engine/limits/window.js';
import { allQuotasOf, type CurrentQuota, type ReportCatalog } from '../reports/catalog.js';
import type { ZoneGroup } from '../reports/customer-pages.js';

const QUARTER_MS = 15 * 60_000;
const DAY_MS = 24 * 3_600_000;

/** A customer's quota with the calendar of its windows. */
export interface FinanceLimit extends CurrentQuota {
  readonly window: ResolvedWindow;
  /** Windows of minutes and hours, of which the report has one line a day. */
  readonly isShort: boolean;
}

/** The quotas of some customers, by the catalog as it is now. */
export class FinanceLimits {
  readonly #group: ZoneGroup;
  readonly #catalog: ReportCatalog;
  readonly #atMs: number;
  readonly #known = new Map<string, ReadonlyMap<string, FinanceLimit>>();

  /** @param atMs which grants there are. */
  constructor(catalog: ReportCatalog, group: ZoneGroup, atMs: number) {
    this.#catalog = catalog;
    this.#group = group;
    this.#atMs = atMs;
  }

  /** By name, in list order; none for a customer or a feature that is gone. */
  of(customer: string, feature: string): ReadonlyMap<string, FinanceLimit> {
    const key = JSON.stringify([customer, feature]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const current = this.#group.customers.get(customer);
    const quotas = current === undefined ? [] : allQuotasOf(this.#catalog, current, feature, this.#atMs);
    const limits = new Map(
      quotas.map((quota) => [quota.name, current === undefined ? null : withWindow(quota, current)]),
    );
    const found = new Map([...limits].flatMap(([name, limit]) => (limit === null ? [] : [[name, limit] as const])));
    this.#known.set(key, found);
    return found;
  }

  /** Every quota of every customer of the group. */
  *all(): Generator<FinanceLimit> {
    for (const id of this.#group.ids) {
      const customer = this.#group.customers.get(id);
      if (customer === undefined) continue;
      for (const feature of featuresOf(this.#catalog, customer)) yield* this.of(id, feature).values();
    }
  }
}

const withWindow = (quota: CurrentQuota, customer: Customer): FinanceLimit => ({
  ...quota,
  window: resolveWindow(quota.limit.window, customer),
  isShort: isShort(quota.limit.window.every),
});

const isShort = (every: string): boolean => every === 'minute' || every === 'hour';

/** Features that may have quotas: by the plan and the add-ons. */
function featuresOf(catalog: ReportCatalog, customer: Customer): Iterable<string> {
  const grants = [catalog.plan(customer.plan), ...customer.addons.map((addon) => catalog.addon(addon))];
  return new Set(grants.flatMap((grant) => Object.keys(grant?.features ?? {})));
}

/** What the queries of a group need to know of its limits. */
export interface LimitSpan {
  /** How far back the windows that reach into the period begin. */
  readonly historyMs: number;
  /** Names that mean windows of minutes or hours wherever they stand. */
  readonly shortLimits: readonly string[];
  readonly ownLimits: readonly string[];
  /** Every window begins on a multiple of it, so that what falls in between needs not be told apart, ms. */
  readonly stepMs: number;
}

/** @param monthMs the longest month that a limit which is gone may have had. */
export function spanOf(limits: FinanceLimits, group: ZoneGroup, fromMs: number): LimitSpan {
  let historyMs = fromMs - 32 * DAY_MS;
  let stepMs = group.timezone === 'UTC' ? DAY_MS : QUARTER_MS;
  const [short, long] = [new Set<string>(), new Set<string>()];
  for (const { name, window, isShort: shortWindow } of limits.all()) {
    (shortWindow ? short : long).add(name);
    stepMs = Math.min(stepMs, stepOf(window));
    if (!shortWindow) historyMs = Math.min(historyMs, windowAt(window, fromMs).startMs);
  }
  return {
    historyMs: Math.max(0, historyMs - (historyMs % DAY_MS)),
    shortLimits: [...short].filter((name) => !long.has(name)),
    ownLimits: [...short, ...long],
    stepMs,
  };
}

function stepOf({ every, anchorMs, timezone }: ResolvedWindow): number {
  if (every === 'lifetime' || every === 'minute' || every === 'hour') return DAY_MS;
  if (anchorMs !== null && anchorMs % QUARTER_MS !== 0) return 1;
  return anchorMs === null && timezone === 'UTC' ? DAY_MS : QUARTER_MS;
}

/** The line's window that contains an instant: for windows of minutes and hours the local day. */
export function lineWindowAt(limit: FinanceLimit, timezone: string, atMs: number): LineWindow {
  const window: ResolvedWindow = limit.isShort ? { every: 'day', anchorMs: null, timezone } : limit.window;
  return boundsOf(window, atMs);
}

export interface LineWindow {
  readonly startMs: number;
  /** Null for a window that never ends. */
  readonly endMs: number | null;
}

const boundsOf = (window: ResolvedWindow, atMs: number): LineWindow => {
  const { startMs, endMs } = windowAt(window, atMs);
  return { startMs, endMs: endMs >= NEVER_MS ? null : endMs };
};
