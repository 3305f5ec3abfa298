import type { CustomerTerms } from '../contract/catalog.js';
import { NEVER_MS } from './window.js';

/** What a customer's grants add to the quotas of a feature at an instant, and from when until when that is so. */
export interface Granted {
  /** By limit id. */
  readonly amounts: ReadonlyMap<string, number>;
  /** Half-open, ms; −Infinity and NEVER_MS where no grant begins or ends. */
  readonly fromMs: number;
  readonly untilMs: number;
}

const NOTHING: Granted = { amounts: new Map(), fromMs: Number.NEGATIVE_INFINITY, untilMs: NEVER_MS };

export function grantsAt(customer: Pick<CustomerTerms, 'grants'>, feature: string, atMs: number): Granted {
  if (customer.grants === undefined) return NOTHING;
  const amounts = new Map<string, number>();
  let [fromMs, untilMs] = [NOTHING.fromMs, NOTHING.untilMs];
  for (const grant of customer.grants) {
    if (grant.feature !== feature) continue;
    const startMs = grant.startsAt ? Date.parse(grant.startsAt) : NOTHING.fromMs;
    const endMs = grant.endsAt ? Date.parse(grant.endsAt) : NOTHING.untilMs;
    for (const turnMs of [startMs, endMs]) {
      if (turnMs <= atMs) fromMs = Math.max(fromMs, turnMs);
      else untilMs = Math.min(untilMs, turnMs);
    }
    if (startMs <= atMs && atMs < endMs) amounts.set(grant.limit, (amounts.get(grant.limit) ?? 0) + grant.amount);
  }
  return { amounts, fromMs, untilMs };
}
