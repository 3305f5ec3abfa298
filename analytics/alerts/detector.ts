import {
  type CatalogView,
  type CustomerTerms,
  formatAmount,
  type Plan,
  type QuotaLimit,
  thresholdAmount,
} from '../../engine/index.js';
import { NEVER_MS, resolveWindow, windowAt } from '../../engine/limits/window.js';
import { quotaNamed } from '../reports/catalog.js';
import { toInstant } from '../reports/periods.js';
import { type Alert, alertId } from './alert.js';
import { crossingsOf, leastPercent } from './crossings.js';
import type { QuotaCharge } from './scan-entry.js';

/** What the detector asks of the catalog. */
export type AlertCatalog = Pick<
  CatalogView,
  'meter' | 'feature' | 'plan' | 'addon' | 'customer' | 'terms' | 'loadCustomer' | 'plans' | 'addons'
>;

/** Quotas whose next crossing is remembered. */
const MEMORY_MAX = 200_000;

/** Until what is used reaches `next`, nothing new happens to the quota. Valid while everything else is as it was. */
interface Memory {
  readonly windowStartMs: number;
  readonly included: number;
  readonly terms: CustomerTerms;
  readonly plan: Plan | undefined;
  readonly next: number;
}

/**
 * Says of a charge which alerts hold by it. It judges the state that a charge leaves, not the step: so what a lost
 * message, a lowered limit or a late start hid is found by the next charge, and nothing is found wrongly. Whether
 * somebody was told already is the stream's question (alert-stream.ts).
 */
export class Detector {
  readonly #catalog: AlertCatalog;
  readonly #memory = new Map<string, Memory>();
  /** Least percents by feature and limit, of all plans and add-ons. */
  readonly #leastPercents = new Map<string, number>();

  constructor(catalog: AlertCatalog) {
    this.#catalog = catalog;
  }

  /** To be called when plans, add-ons or features have changed. */
  forget(): void {
    this.#memory.clear();
    this.#leastPercents.clear();
  }

  /** The amount from which on charges of a limit are to be shown to `alertsOf`; of entities' limits every percent counts. */
  leastAmount(feature: string, limit: string, included: number): number {
    if (included === 0) return Number.POSITIVE_INFINITY;
    const key = JSON.stringify([feature, limit]);
    let percent = this.#leastPercents.get(key);
    if (percent === undefined) {
      percent = limit.includes('/') ? 0 : leastPercent(this.#quotasNamed(feature, limit));
      this.#leastPercents.set(key, percent);
    }
    return thresholdAmount(percent, included);
  }

  *#quotasNamed(feature: string, limit: string): Generator<QuotaLimit> {
    for (const grants of [this.#catalog.plans(), this.#catalog.addons()]) {
      for (const { features } of grants) {
        const grant = features[feature];
        if (typeof grant !== 'object') continue;
        for (const each of grant.limits) if (each.kind === 'quota' && each.id === limit) yield each;
      }
    }
  }

  /** True where a charge certainly brings nothing new: it is asked for every charge past the least amount. */
  isKnown(charge: QuotaCharge): boolean {
    const memory = this.#memory.get(keyOf(charge));
    return (
      memory !== undefined &&
      charge.used < memory.next &&
      charge.windowStartMs === memory.windowStartMs &&
      charge.included === memory.included &&
      this.#catalog.terms(charge.customer) === memory.terms &&
      this.#catalog.plan(memory.terms.plan) === memory.plan
    );
  }

  /**
   * Alerts that hold by this charge, told before or not; empty for a window that is over at its time, since a late
   * charge is no news, and for limits that are gone.
   */
  async alertsOf(charge: QuotaCharge): Promise<Alert[]> {
    const customer = this.#catalog.customer(charge.customer) ?? (await this.#catalog.loadCustomer(charge.customer));
    if (customer === null) return [];
    const quota = quotaNamed(this.#catalog, customer, charge.feature, charge.limit, charge.atMs);
    if (quota === undefined) return [];
    const { startMs, endMs } = windowAt(resolveWindow(quota.limit.window, customer), charge.atMs);
    if (startMs !== charge.windowStartMs) return [];
    const entity = quota.name === quota.limit.id ? null : quota.name.slice(0, -quota.limit.id.length - 1);
    const scale = this.#catalog.meter(this.#catalog.feature(charge.feature)?.meter ?? '')?.scale ?? 0;
    return crossingsOf(quota.limit, charge.included)
      .filter(({ amount }) => charge.used >= amount)
      .map(({ kind, threshold }) => ({
        id: alertId({
          customer: customer.id,
          entity: entity ?? '',
          feature: charge.feature,
          limit: quota.limit.id,
          windowStartMs: startMs,
          windowEndMs: endMs,
          kind,
          threshold,
        }),
        at: toInstant(charge.atMs),
        kind,
        customer: customer.id,
        plan: customer.plan,
        entity,
        feature: charge.feature,
        limit: quota.limit.id,
        threshold,
        used: formatAmount(charge.used, scale),
        included: formatAmount(charge.included, scale),
        window: { start: toInstant(startMs), end: endMs === NEVER_MS ? null : toInstant(endMs) },
      }));
  }

  /** Called once the alerts of a charge are in the stream. */
  remember(charge: QuotaCharge): void {
    const terms = this.#catalog.terms(charge.customer);
    if (terms === null || terms === undefined) return;
    const quota = quotaNamed(this.#catalog, terms, charge.feature, charge.limit, charge.atMs);
    const ahead = quota && crossingsOf(quota.limit, charge.included).find(({ amount }) => amount > charge.used);
    if (this.#memory.size >= MEMORY_MAX) this.#memory.clear();
    this.#memory.set(keyOf(charge), {
      windowStartMs: charge.windowStartMs,
      included: charge.included,
      terms,
      plan: this.#catalog.plan(terms.plan),
      next: ahead?.amount ?? Number.POSITIVE_INFINITY,
    });
  }
}

const keyOf = ({ customer, feature, limit }: QuotaCharge): string => `${customer}\n${feature}\n${limit}`;
