import { boundaries, type ResolvedWindow, resolveWindow, type WindowBounds } from '../../engine/limits/window.js';
import { type CurrentQuota, quotasOf } from '../reports/catalog.js';
import { limitKeyOf, type WindowUse } from './customer-history.js';
import type { RuleInput } from './finding.js';

const DAY_MS = 86_400_000;

/** One window of a quota; one in which nothing was charged has its use too: none. */
export type QuotaWindow = WindowUse & WindowBounds;

/** A quota that a customer pays for now, with its latest windows. */
export interface QuotaWindows {
  readonly feature: string;
  readonly quota: CurrentQuota;
  /** The window that is open. */
  readonly current: QuotaWindow;
  /** Those before it, the newest first. */
  readonly complete: readonly QuotaWindow[];
}

/**
 * The customer's own quotas with the windows that are over. Lifetimes are left out: they have one window.
 * @param count windows before the current one.
 */
export function quotaWindows(input: RuleInput, windowDaysMin: number, count: number): QuotaWindows[] {
  const { history, catalog, nowMs } = input;
  const { customer } = history;
  return grantedFeatures(input).flatMap((feature) =>
    quotasOf(catalog, customer, feature, nowMs).flatMap((quota) => {
      const window = resolveWindow(quota.limit.window, customer);
      if (window.every === 'lifetime') return [];
      const charged = history.windows.get(limitKeyOf(feature, quota.name)) ?? [];
      const [newest, ...before] = windowsBack(window, nowMs, count + 1).map((bounds) =>
        withUse(bounds, charged, quota),
      );
      if (newest === undefined || newest.endMs - newest.startMs < windowDaysMin * DAY_MS) return [];
      return { feature, quota, current: newest, complete: before };
    }),
  );
}

/** Features that the plan and the add-ons grant, in the plan's order. */
export function grantedFeatures({ history, catalog }: RuleInput): string[] {
  const { plan, addons } = history.customer;
  const grants = [catalog.plan(plan), ...addons.map((addon) => catalog.addon(addon))];
  const granted = grants.flatMap((grant) => Object.entries(grant?.features ?? {}));
  return [...new Set(granted.filter(([, grant]) => grant !== false).map(([feature]) => feature))];
}

function windowsBack(window: ResolvedWindow, nowMs: number, count: number): WindowBounds[] {
  const windows: WindowBounds[] = [];
  for (let atMs = nowMs; windows.length < count && atMs >= 0; ) {
    const [, startMs, endMs] = boundaries(window, atMs);
    windows.push({ startMs, endMs });
    atMs = startMs - 1;
  }
  return windows;
}

function withUse(bounds: WindowBounds, charged: readonly WindowUse[], quota: CurrentQuota): QuotaWindow {
  const use = charged.find(({ startMs }) => startMs === bounds.startMs);
  return { ...bounds, used: use?.used ?? 0, included: use?.included ?? quota.included };
}
