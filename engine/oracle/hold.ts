import { AMOUNT_MAX } from '../contract/constants.js';
import { isBucket, isQuota, type LimitState } from './limit-state.js';
import { add, subtract, whole } from './rational.js';

/** What a hold took of one limit: from which generation, and for a quota from which window. */
export interface Hold {
  /** Key of the limit's state. */
  readonly key: string;
  readonly generation: number;
  /** Quotas only. */
  readonly startMs: number | null;
}

/** The state after a hold of an amount that the limit admits; null when a counter would leave its range. */
export function hold(key: string, state: LimitState, amount: bigint): { state: LimitState; hold: Hold } | null {
  const held = { key, generation: state.generation, startMs: isQuota(state) ? state.startMs : null };
  if (isBucket(state)) return { state: { ...state, level: subtract(state.level, whole(amount)) }, hold: held };
  if (!isQuota(state)) return { state: { ...state, inUse: state.inUse + 1n }, hold: held };
  const reserved = state.reserved + amount;
  if (state.used + reserved > BigInt(AMOUNT_MAX)) return null;
  return { state: { ...state, reserved }, hold: held };
}

/** True while the state is what the hold was made on: the same generation, for a quota the same window too. */
export function isHeldOn(state: LimitState, held: Hold): boolean {
  return state.generation === held.generation && (!isQuota(state) || state.startMs === held.startMs);
}

/** Gives a hold back. What a bucket cannot take spills when it is looked at next, by the capacity in force then. */
export function undo(state: LimitState, held: Hold, amount: bigint): LimitState {
  if (!isHeldOn(state, held)) return state;
  if (isQuota(state)) return { ...state, reserved: state.reserved - amount };
  if (!isBucket(state)) return { ...state, inUse: state.inUse - 1n };
  return { ...state, level: add(state.level, whole(amount)) };
}
