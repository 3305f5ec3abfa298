import type { BucketLimit, QuotaLimit } from '../contract/catalog.js';
import { AMOUNT_MAX } from '../contract/constants.js';
import type { Crossing } from '../contract/decision.js';
import { NEVER_MS, resolveWindow, windowAt, windowKey } from '../limits/window.js';
import { add, ceil, divide, floor, fraction, isBelow, least, type Rational, subtract, whole } from './rational.js';
import type { LimitAnswer } from './vectors.js';

/** The state of one limit as immutable values, and what semantics.md says may happen to it. */

interface BaseState {
  /** Tells a limit that started new from what had its id before: a hold belongs to one generation. */
  readonly generation: number;
}
interface BucketState extends BaseState {
  readonly limit: BucketLimit;
  /** Level when the bucket was last written, at `atMs`. */
  readonly level: Rational;
  readonly atMs: number;
}
interface QuotaState extends BaseState {
  readonly limit: QuotaLimit;
  readonly window: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly used: bigint;
  readonly reserved: bigint;
  /** `included` when thresholds were looked at last: they are armed again by its change, not by less usage. */
  readonly includedSeen: bigint;
  readonly crossed: readonly number[];
}
export type LimitState = BucketState | QuotaState;

export interface Holder {
  readonly timezone: string;
  readonly startsAt?: string | null | undefined;
}

/** What a hold took of one limit: from which generation, and for a quota from which window. */
export interface Hold {
  readonly limit: string;
  readonly generation: number;
  /** Null for a bucket. */
  readonly startMs: number | null;
}

const isBucket = (state: LimitState): state is BucketState => state.limit.kind === 'bucket';
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/**
 * Brings a limit to an instant: refills a bucket, moves a quota to its window, never to an earlier one. A limit that is
 * not known, or whose kind or window is defined anew, starts new in the generation given.
 */
export function advance(
  limit: BucketLimit | QuotaLimit,
  holder: Holder,
  state: LimitState | undefined,
  atMs: number,
  generation: number,
): LimitState {
  if (limit.kind === 'bucket') {
    if (state === undefined || !isBucket(state))
      return { generation, limit, level: whole(BigInt(limit.capacity)), atMs };
    // A clock that was set back brings nothing, and the refill goes on from there.
    const elapsedMs = BigInt(Math.max(0, atMs - state.atMs));
    const refilled = add(state.level, fraction(elapsedMs * BigInt(limit.refill.amount), BigInt(limit.refill.everyMs)));
    return { ...state, limit, level: least(refilled, whole(BigInt(limit.capacity))), atMs };
  }
  const resolved = resolveWindow(limit.window, holder);
  const window = windowKey(resolved);
  const included = BigInt(limit.amount);
  if (state === undefined || isBucket(state) || state.window !== window || atMs >= state.endMs) {
    const sameDefinition = state !== undefined && !isBucket(state) && state.window === window;
    return {
      generation: sameDefinition ? state.generation : generation,
      limit,
      window,
      ...windowAt(resolved, atMs),
      used: 0n,
      reserved: 0n,
      includedSeen: included,
      crossed: [],
    };
  }
  if (state.includedSeen === included) return { ...state, limit };
  const stillCrossed = state.crossed.filter((percent) => isCrossed(percent, state.used, included));
  return { ...state, limit, includedSeen: included, crossed: stillCrossed };
}

function isCrossed(percent: number, used: bigint, included: bigint): boolean {
  return included > 0n && used * 100n >= BigInt(percent) * included;
}

/** The most that used and reserved may reach together; null when there is no cap. */
function hardOf({ amount, overage = 'deny' }: QuotaLimit): bigint | null {
  if (overage === 'allow') return null;
  return BigInt(amount) + (overage === 'deny' ? 0n : BigInt(overage.upTo));
}

export function admits(state: LimitState, amount: bigint): boolean {
  if (isBucket(state)) return !isBelow(state.level, whole(amount));
  const hard = hardOf(state.limit);
  return hard === null || state.used + state.reserved + amount <= hard;
}

/** Least whole milliseconds until refill or reset alone would admit the amount that was denied; null when never. */
export function waitMs(state: LimitState, amount: bigint, atMs: number): number | null {
  if (isBucket(state)) {
    const { capacity, refill } = state.limit;
    if (amount > BigInt(capacity)) return null;
    const rate = fraction(BigInt(refill.amount), BigInt(refill.everyMs));
    return Number(ceil(divide(subtract(whole(amount), state.level), rate)));
  }
  const hard = hardOf(state.limit);
  if (state.endMs === NEVER_MS || (hard !== null && amount > hard)) return null;
  return state.endMs - atMs;
}

interface Charged {
  readonly state: LimitState;
  readonly crossed: readonly Crossing[];
}

/** The state after a charge, with the thresholds it crossed; null when a counter would leave its range. */
export function charge(state: LimitState, amount: bigint, warns: boolean): Charged | null {
  if (isBucket(state)) {
    const level = subtract(state.level, whole(amount));
    if (isBelow(level, whole(BigInt(-AMOUNT_MAX)))) return null;
    return { state: { ...state, level }, crossed: [] };
  }
  const used = state.used + amount;
  if (used > BigInt(AMOUNT_MAX)) return null;
  const news = (state.limit.warnAt ?? []).filter(
    (percent) => warns && !state.crossed.includes(percent) && isCrossed(percent, used, state.includedSeen),
  );
  return {
    state: { ...state, used, crossed: [...state.crossed, ...news] },
    crossed: news.map((threshold) => ({ limit: state.limit.id, threshold })),
  };
}

/** The state after a hold of an amount that the limit admits; null when a counter would leave its range. */
export function hold(state: LimitState, amount: bigint): { state: LimitState; hold: Hold } | null {
  const { generation, limit } = state;
  if (isBucket(state)) {
    const held = { limit: limit.id, generation, startMs: null };
    return { state: { ...state, level: subtract(state.level, whole(amount)) }, hold: held };
  }
  const reserved = state.reserved + amount;
  if (state.used + reserved > BigInt(AMOUNT_MAX)) return null;
  return { state: { ...state, reserved }, hold: { limit: limit.id, generation, startMs: state.startMs } };
}

/** True while the state is what the hold was made on: the same generation, for a quota the same window too. */
export function isHeldOn(state: LimitState, held: Hold): boolean {
  return state.generation === held.generation && (isBucket(state) || state.startMs === held.startMs);
}

/** Gives a hold back; a bucket takes it up to its capacity. */
export function undo(state: LimitState, held: Hold, amount: bigint): LimitState {
  if (!isHeldOn(state, held)) return state;
  if (!isBucket(state)) return { ...state, reserved: state.reserved - amount };
  return { ...state, level: least(add(state.level, whole(amount)), whole(BigInt(state.limit.capacity))) };
}

/** The limit as an answer shows it. */
export function answerOf(state: LimitState): LimitAnswer {
  if (isBucket(state)) return { remaining: Number(larger(0n, floor(state.level))) };
  const { used, reserved } = state;
  const included = BigInt(state.limit.amount);
  const hard = hardOf(state.limit);
  return {
    remaining: Number(larger(0n, included - used - reserved)),
    used: Number(used),
    reserved: Number(reserved),
    overage: Number(larger(0n, used - included)),
    headroom: hard === null ? null : Number(larger(0n, hard - used - reserved)),
    resetAt: state.endMs === NEVER_MS ? null : new Date(state.endMs).toISOString(),
  };
}
