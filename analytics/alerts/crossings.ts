import { AMOUNT_MAX, type QuotaLimit, thresholdAmount } from '../../engine/index.js';
import type { AlertKind } from './alert.js';

/** Something that happens to a quota once in a window, when so much of it is used. */
export interface Crossing {
  readonly kind: Exclude<AlertKind, 'test'>;
  /** Percent of what is included; null of the other kinds. */
  readonly threshold: number | null;
  /** Least amount used at which it holds. */
  readonly amount: number;
}

/**
 * Everything that a quota may be alerted of, the least amount first. Of a quota that includes nothing no share can be
 * used, and what lies past nothing is no news (semantics.md, `warnAt`).
 */
export function crossingsOf({ warnAt = [], overage = 'deny' }: QuotaLimit, included: number): Crossing[] {
  if (included === 0) return [];
  const crossings: Crossing[] = warnAt.map((threshold) => ({
    kind: 'threshold_crossed',
    threshold,
    amount: thresholdAmount(threshold, included),
  }));
  if (overage !== 'deny' && included < AMOUNT_MAX) {
    crossings.push({ kind: 'overage_entered', threshold: null, amount: included + 1 });
  }
  if (overage !== 'allow') {
    const cap = Math.min(AMOUNT_MAX, overage === 'deny' ? included : included + overage.upTo);
    crossings.push({ kind: 'cap_reached', threshold: null, amount: cap });
  }
  return crossings.sort((left, right) => left.amount - right.amount);
}

/** The least percent of `included` that any of these quotas has an alert at: below it nothing happens. */
export function leastPercent(limits: Iterable<QuotaLimit>): number {
  let least = 100;
  for (const { warnAt = [] } of limits) least = Math.min(least, ...warnAt);
  return least;
}
