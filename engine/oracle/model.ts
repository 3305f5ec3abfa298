import type { LimitState as ShownLimit } from '../contract/decision.js';
import { NEVER_MS } from '../limits/window.js';
import { Account } from './account.js';
import type { Holder } from './limit-state.js';
import type { Ask, Grant, Result, Scope } from './reply.js';
import type { Answer, LimitAnswer, Step, VectorLimit } from './vectors.js';

/** The model as the conformance vectors ask it: one customer with one metered feature. */
export class Model {
  readonly #account = new Account();
  readonly #holder: Holder;
  #limits: readonly VectorLimit[];

  constructor(limits: readonly VectorLimit[], holder: Holder = { timezone: 'UTC' }) {
    this.#limits = limits;
    this.#holder = holder;
  }

  /** Decides one operation at the store's clock, in milliseconds since 1970. */
  apply(step: Step, nowMs: number): Answer {
    if (step.op === 'setLimits') {
      this.#limits = step.limits;
      return {};
    }
    const { result } = this.#account.apply(askOf(step), this.#scope(), nowMs);
    return answerOf(step.op, result);
  }

  #scope(): Scope {
    const grant: Grant = {
      refusal: null,
      free: false,
      startsAtMs: Number.NEGATIVE_INFINITY,
      endsAtMs: NEVER_MS,
      meter: '',
      rules: this.#limits.map((limit) => ({ key: limit.id, name: limit.id, limit })),
    };
    return { holder: this.#holder, grant: () => grant, parts: () => 'unknown_event_type' };
  }
}

function askOf(step: Exclude<Step, { op: 'setLimits' }>): Ask {
  return step.op === 'commit' || step.op === 'release' ? step : { ...step, feature: '' };
}

function answerOf(op: Step['op'], result: Result): Answer {
  if (result.kind === 'error') return { error: result.code };
  if (result.kind === 'event') throw new Error('no step of a vector is an event');
  const { decision, late, overrun } = result;
  const { allowed, deniedBy, shadowDeniedBy, retryAfterMs, crossed, replayed } = decision;
  const isDenied = deniedBy.length > 0;
  return {
    ...(op === 'commit' || op === 'release' || op === 'record' ? {} : { allowed }),
    ...(op === 'commit' ? { status: 'committed' } : op === 'release' ? { status: 'released' } : {}),
    ...(isDenied ? { deniedBy: [...deniedBy], retryAfterMs } : {}),
    ...(shadowDeniedBy.length > 0 ? { shadowDeniedBy: [...shadowDeniedBy] } : {}),
    ...(crossed.length > 0 ? { crossed: [...crossed] } : {}),
    ...(replayed ? { replayed } : {}),
    ...(late ? { late } : {}),
    ...(overrun ? { overrun } : {}),
    limits: Object.fromEntries(Object.entries(decision.limits).map(([id, state]) => [id, limitAnswer(state)])),
  };
}

function limitAnswer(state: ShownLimit): LimitAnswer {
  if (state.kind !== 'quota') return { remaining: state.remaining };
  const { used, reserved, overage, remaining, headroom, resetAtMs } = state;
  const resetAt = resetAtMs === null ? null : new Date(resetAtMs).toISOString();
  return { remaining, used, reserved, overage, headroom, resetAt };
}
