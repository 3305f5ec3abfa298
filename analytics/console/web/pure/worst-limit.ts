import type { LiveLimit } from '../api/customers.js';
import { parseDecimal, percentOf } from './decimal.js';

/** The quota that is used the most: what one opens a customer for. Undefined where there is no quota. */
export function worstLimit(limits: readonly LiveLimit[]): { feature: string; limit: string } | undefined {
  let worst: { feature: string; limit: string } | undefined;
  let most = -1;
  for (const { feature, limit, state } of limits) {
    if (state.kind !== 'quota') continue;
    const percent = percentOf(parseDecimal(state.used), parseDecimal(state.included)) ?? 0;
    if (percent <= most) continue;
    worst = { feature, limit };
    most = percent;
  }
  return worst;
}
