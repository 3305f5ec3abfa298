import type { BucketLimit, ConcurrencyLimit, Limit, QuotaLimit } from '../contract/catalog.js';
import { AMOUNT_MAX } from '../contract/constants.js';
import type { LimitState as ShownLimit } from '../contract/decision.js';
import {
  type Boundaries,
  boundaries,
  NEVER_MS,
  type ResolvedWindow,
  resolveWindow,
  windowKey,
} from '../limits/window.js';
import { add, ceil, divide, floor, fraction, isBelow, least, type Rational, subtract, whole } from './rational.js';

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
  /** Starts of the window before and of this one, and this one's end. */
  readonly previousMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly used: bigint;
  readonly reserved: bigint;
  /** Used in the window before, which late events and commits still reach. */
  readonly before: bigint;
  /** What thresholds were looked at by, at the last charge: they are armed again by its change, not by less usage. */
  readonly warned: { readonly included: bigint; readonly percents: string } | null;
  readonly crossed: readonly number[];
}
interface SlotsState extends BaseState {
  readonly limit: ConcurrencyLimit;
  readonly inUse: bigint;
}
export type LimitState = BucketState | QuotaState | SlotsState;

/** What a limit takes from its customer. */
export interface Holder {
  readonly timezone: string;
  readonly startsAt?: string | null | undefined;
}

/** The clock of one decision. `credits` is false for a clock that fell far behind: it fills no bucket. */
export interface Clock {
  readonly atMs: number;
  readonly credits: boolean;
}

export const isBucket = (state: LimitState): state is BucketState => state.limit.kind === 'bucket';
export const isQuota = (state: LimitState): state is QuotaState => state.limit.kind === 'quota';
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/**
 * Brings a limit to an instant: refills a bucket, moves a quota to its window, never to an earlier one. A limit that is
 * not known, or whose kind or window is defined anew, starts new in the generation given.
 */
export function advance(
  limit: Limit,
  holder: Holder,
  state: LimitState | undefined,
  clock: Clock,
  generation: number,
): LimitState {
  switch (limit.kind) {
    case 'bucket':
      return advanceBucket(limit, state, clock, generation);
    case 'quota':
      return advanceQuota(limit, holder, state, clock.atMs, generation);
    case 'concurrency':
      if (state === undefined || isBucket(state) || isQuota(state)) return { generation, limit, inUse: 0n };
      return { ...state, limit };
  }
}

function advanceBucket(
  limit: BucketLimit,
  state: LimitState | undefined,
  { atMs, credits }: Clock,
  generation: number,
): LimitState {
  const capacity = whole(BigInt(limit.capacity));
  if (state === undefined || !isBucket(state)) return { generation, limit, level: capacity, atMs };
  // A clock that was set back brings nothing, and the refill goes on from there.
  const elapsedMs = BigInt(credits ? Math.max(0, atMs - state.atMs) : 0);
  const refilled = add(state.level, fraction(elapsedMs * BigInt(limit.refill.amount), BigInt(limit.refill.everyMs)));
  return { ...state, limit, level: least(refilled, capacity), atMs };
}

function advanceQuota(
  limit: QuotaLimit,
  holder: Holder,
  state: LimitState | undefined,
  atMs: number,
  generation: number,
): LimitState {
  const resolved = resolveWindow(limit.window, holder);
  const window = windowKey(resolved);
  const known = state !== undefined && isQuota(state) && state.window === window ? state : null;
  if (known !== null && atMs < known.endMs) return { ...known, limit };
  const [previousMs, startMs, endMs] = boundariesOf(window, resolved, atMs);
  return {
    generation: known?.generation ?? generation,
    limit,
    window,
    previousMs,
    startMs,
    endMs,
    used: 0n,
    reserved: 0n,
    before: known?.startMs === previousMs ? known.used : 0n,
    warned: null,
    crossed: [],
  };
}

/** The windows asked for last, by definition: calendars are slow, and histories stay in a window for long. */
const knownBoundaries = new Map<string, Boundaries>();
const KNOWN_BOUNDARIES_MAX = 1_000;

function boundariesOf(key: string, window: ResolvedWindow, atMs: number): Boundaries {
  const known = knownBoundaries.get(key);
  if (known !== undefined && known[1] <= atMs && atMs < known[2]) return known;
  const found = boundaries(window, atMs);
  if (knownBoundaries.size >= KNOWN_BOUNDARIES_MAX) knownBoundaries.clear();
  knownBoundaries.set(key, found);
  return found;
}

function isCrossed(percent: number, used: bigint, included: bigint): boolean {
  return included > 0n && used * 100n >= BigInt(percent) * included;
}

/** The most that used and reserved may reach together; null when there is no cap. */
export function hardOf({ amount, overage = 'deny' }: QuotaLimit): bigint | null {
  if (overage === 'allow') return null;
  const hard = BigInt(amount) + (overage === 'deny' ? 0n : BigInt(overage.upTo));
  return hard > BigInt(AMOUNT_MAX) ? BigInt(AMOUNT_MAX) : hard;
}

export function admits(state: LimitState, amount: bigint): boolean {
  if (isBucket(state)) return !isBelow(state.level, whole(amount));
  if (!isQuota(state)) return state.inUse < BigInt(state.limit.slots);
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
  // Slots come back by holds that end, and such waits are not told.
  if (!isQuota(state)) return null;
  const hard = hardOf(state.limit);
  if (state.endMs === NEVER_MS || (hard !== null && amount > hard)) return null;
  return state.endMs - atMs;
}

interface Charged {
  readonly state: LimitState;
  /** Percents crossed by this charge, ascending. */
  readonly crossed: readonly number[];
}

/** The state after a charge, with the thresholds it crossed; null when a counter would leave its range. */
export function charge(state: LimitState, amount: bigint, warns: boolean): Charged | null {
  if (isBucket(state)) {
    const level = subtract(state.level, whole(amount));
    if (isBelow(level, whole(BigInt(-AMOUNT_MAX)))) return null;
    return { state: { ...state, level }, crossed: [] };
  }
  if (!isQuota(state)) return { state, crossed: [] };
  const used = state.used + amount;
  if (used > BigInt(AMOUNT_MAX)) return null;
  if (!warns) return { state: { ...state, used }, crossed: [] };
  const included = BigInt(state.limit.amount);
  const percents = [...(state.limit.warnAt ?? [])].sort((a, b) => a - b);
  const warned = { included, percents: percents.join() };
  const isSame =
    state.warned !== null && state.warned.included === included && state.warned.percents === warned.percents;
  const kept = isSame
    ? state.crossed
    : state.crossed.filter((percent) => percents.includes(percent) && isCrossed(percent, state.used, included));
  const crossed = percents.filter((percent) => !kept.includes(percent) && isCrossed(percent, used, included));
  return { state: { ...state, used, warned, crossed: [...kept, ...crossed] }, crossed };
}

/** A charge to the window before; null when its counter would leave the range. */
export function chargeBefore(state: QuotaState, amount: bigint): QuotaState | null {
  const before = state.before + amount;
  return before > BigInt(AMOUNT_MAX) ? null : { ...state, before };
}

interface GivenBack {
  readonly state: LimitState;
  /** Quota: used after it. Bucket: whole level after it. */
  readonly after: number;
}

/**
 * The state after a charge was taken back; null where it holds the charge no longer: the window is over for longer than one,
 * or the counter has less in it, and so began anew since. What was crossed stays crossed.
 */
export function giveBack(state: LimitState, windowStartMs: number | null, amount: bigint): GivenBack | null {
  if (isBucket(state)) {
    const level = least(add(state.level, whole(amount)), whole(BigInt(state.limit.capacity)));
    return { state: { ...state, level }, after: Number(floor(level)) };
  }
  if (!isQuota(state) || amount === 0n) return null;
  if (windowStartMs === state.startMs && state.used >= amount) {
    const used = state.used - amount;
    return { state: { ...state, used }, after: Number(used) };
  }
  if (windowStartMs === state.previousMs && state.previousMs < state.startMs && state.before >= amount) {
    const before = state.before - amount;
    return { state: { ...state, before }, after: Number(before) };
  }
  return null;
}

/** The limit as an answer shows it. */
export function show(state: LimitState): ShownLimit {
  if (isBucket(state)) {
    return {
      kind: 'bucket',
      capacity: state.limit.capacity,
      remaining: Number(larger(0n, floor(state.level))),
    };
  }
  if (!isQuota(state)) {
    const { slots } = state.limit;
    return {
      kind: 'concurrency',
      slots,
      inUse: Number(state.inUse),
      remaining: Number(larger(0n, BigInt(slots) - state.inUse)),
    };
  }
  const { used, reserved } = state;
  const included = BigInt(state.limit.amount);
  const hard = hardOf(state.limit);
  return {
    kind: 'quota',
    included: state.limit.amount,
    used: Number(used),
    reserved: Number(reserved),
    overage: Number(larger(0n, used - included)),
    remaining: Number(larger(0n, included - used - reserved)),
    headroom: hard === null ? null : Number(larger(0n, hard - used - reserved)),
    resetAtMs: state.endMs === NEVER_MS ? null : state.endMs,
  };
}
