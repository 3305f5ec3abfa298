import type { Crossing, Decision, LimitState, Reason } from './contract/decision.js';
import type { BucketRule, LimitSet, QuotaRule, Rule } from './limits/limit-set.js';
import { NEVER_MS } from './limits/window.js';
import type { Answer, AnswerState } from './store/operation.js';

/** An answer of the script with numbers, as users read it: the arithmetic of what is left, and the least wait. */
export type DecidedAnswer = Extract<Answer, { states: readonly AnswerState[] }>;

const NOTHING: readonly never[] = [];

export function quotaState(rule: QuotaRule, state: AnswerState): Extract<LimitState, { kind: 'quota' }> {
  const included = state.recalled?.included ?? rule.included;
  const hard = state.recalled === undefined ? rule.hard : state.recalled.hard;
  const endMs = state.recalled?.endMs ?? rule.boundaries[state.window === 0 ? 1 : state.window === 1 ? 2 : 3];
  const used = state.first;
  const reserved = state.second;
  return {
    kind: 'quota',
    included,
    used,
    reserved,
    overage: Math.max(0, used - included),
    remaining: Math.max(0, included - used - reserved),
    headroom: hard === null ? null : Math.max(0, hard - used - reserved),
    resetAtMs: endMs === NEVER_MS ? null : endMs,
  };
}

function stateOf(rule: Rule, state: AnswerState): LimitState {
  if (rule.kind === 'quota') return quotaState(rule, state);
  if (rule.kind === 'concurrency') {
    const slots = state.recalled?.included ?? rule.slots;
    return { kind: 'concurrency', slots, inUse: state.first, remaining: Math.max(0, slots - state.first) };
  }
  return { kind: 'bucket', capacity: state.recalled?.included ?? rule.capacity, remaining: Math.max(0, state.first) };
}

/** How much more a limit would admit now; null when it has no cap. */
const headroomOf = (state: LimitState): number | null => (state.kind === 'quota' ? state.headroom : state.remaining);

/**
 * Least whole number of milliseconds after which a bucket admits `amount`; null when it never can.
 * With level L, fraction f ∕ every and rate amount ∕ every: ⌈((n − L) × every − f) ∕ rate⌉, in integers past 2^53.
 */
export function bucketWaitMs(rule: BucketRule, state: AnswerState, amount: number): number | null {
  if (amount > rule.capacity) return null;
  const missing = BigInt(amount) - BigInt(state.first);
  const parts = missing * BigInt(rule.everyMs) - BigInt(state.second);
  const rate = BigInt(rule.amount);
  return Number((parts + rate - 1n) / rate);
}

/** Time to the end of the window; null for a lifetime window or an amount past the cap. */
function quotaWaitMs(rule: QuotaRule, state: LimitState, amount: number, clockMs: number): number | null {
  if (state.kind !== 'quota' || state.resetAtMs === null) return null;
  if (rule.hard !== null && amount > rule.hard) return null;
  return state.resetAtMs - clockMs;
}

/** A concurrency limit waits for holds that may end, and such waits are not told. */
function waitMs(rule: Rule, state: AnswerState, shown: LimitState, amount: number, clockMs: number): number | null {
  switch (rule.kind) {
    case 'bucket':
      return bucketWaitMs(rule, state, amount);
    case 'quota':
      return quotaWaitMs(rule, shown, amount, clockMs);
    case 'concurrency':
      return null;
  }
}

/** The longest of the denying limits' waits; null when one of them can never admit this amount. */
function longestWait(waits: readonly (number | null)[]): number | null {
  let longest = 0;
  for (const wait of waits) {
    if (wait === null) return null;
    longest = Math.max(longest, wait);
  }
  return longest;
}

/** `amount` is what was asked for, `version` the catalog it was decided by. */
export function decisionOf(set: LimitSet, answer: DecidedAnswer, amount: number, version: number): Decision {
  const { rules } = set;
  const limits: Record<string, LimitState> = {};
  let deniedBy: string[] | undefined;
  let shadowDeniedBy: string[] | undefined;
  let crossed: Crossing[] | undefined;
  let waits: (number | null)[] | undefined;
  let remaining: number | null = null;
  let resetAtMs: number | null = null;
  let overage = false;
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index];
    const state = answer.states[index];
    // An answer that is remembered of other limits has no states; one of 0.1.0 may have fewer than there are rules now.
    if (rule === undefined || state === undefined) break;
    const shown = stateOf(rule, state);
    limits[rule.name] = shown;
    if (state.denies) {
      if (rule.shadow) {
        shadowDeniedBy ??= [];
        shadowDeniedBy.push(rule.name);
      } else {
        deniedBy ??= [];
        waits ??= [];
        deniedBy.push(rule.name);
        waits.push(waitMs(rule, state, shown, amount, answer.atMs));
      }
    }
    if (state.crossed !== 0 && rule.kind === 'quota') {
      crossed ??= [];
      for (let bit = 0; bit < rule.percents.length; bit++) {
        const threshold = rule.percents[bit];
        if (threshold !== undefined && (state.crossed >>> bit) & 1) crossed.push({ limit: rule.name, threshold });
      }
    }
    if (rule.shadow) continue;
    if (shown.kind === 'quota' && shown.overage > 0) overage = true;
    const headroom = headroomOf(shown);
    if (headroom !== null && (remaining === null || headroom < remaining)) {
      remaining = headroom;
      resetAtMs = shown.kind === 'quota' ? shown.resetAtMs : null;
    }
  }
  const allowed = answer.status !== 'denied' && answer.status !== 'undone_by_batch';
  return {
    allowed,
    reason: reasonOf(answer.status, overage),
    deniedBy: deniedBy ?? NOTHING,
    shadowDeniedBy: shadowDeniedBy ?? NOTHING,
    retryAfterMs: waits === undefined ? 0 : longestWait(waits),
    crossed: crossed ?? NOTHING,
    limits,
    remaining,
    resetAtMs,
    replayed: answer.flags.replayed,
    degraded: false,
    version,
  };
}

function reasonOf(status: DecidedAnswer['status'], overage: boolean): Reason {
  switch (status) {
    case 'denied':
      return 'limit_exceeded';
    case 'undone_by_batch':
      return 'batch_denied';
    case 'admitted':
    case 'recorded':
    case 'settled':
      return overage ? 'overage' : 'ok';
  }
}
