import type { LimitState as ShownLimit } from '../contract/decision.js';
import type { Charge } from '../engine.js';
import { NEVER_MS } from '../limits/window.js';
import { Account } from './account.js';
import type { Holder } from './limit-state.js';
import type { Ask, ExpectedFact, Grant, Result, Scope } from './reply.js';
import type { Answer, LimitAnswer, Step, VectorLimit } from './vectors.js';

/** The model as the conformance vectors ask it: one customer with one metered feature. */
export class Model {
  readonly #account = new Account();
  readonly #holder: Holder;
  #limits: readonly VectorLimit[];
  /** Records by their id that were not taken back yet; empty where all were. */
  readonly #charges = new Map<string, readonly Charge[]>();

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
    if (step.op === 'void') return this.#void(step.id, nowMs);
    const { result, facts } = this.#account.apply(askOf(step), this.#scope(), nowMs);
    if (step.op === 'record' && step.id !== undefined) this.#remember(step.id, facts);
    return answerOf(step.op, result);
  }

  /** As whoever has the ledger: what has a correction is not asked for again. */
  #void(id: string, nowMs: number): Answer {
    const charges = this.#charges.get(id);
    if (charges === undefined) return { error: 'unknown_event' };
    this.#charges.set(id, []);
    for (const charge of charges) this.#account.apply({ op: 'void', charge }, this.#scope(), nowMs);
    return { status: 'voided', ...(charges.length === 0 ? { replayed: true } : {}) };
  }

  #remember(id: string, facts: readonly ExpectedFact[]): void {
    const charges = facts.map(({ happenedAtMs, feature, meter, amount, late, limits }): Charge => {
      const named = limits.map(({ name, windowStartMs }) => ({ id: name, windowStartMs, included: 0 }));
      return {
        customer: '',
        source: '',
        id,
        place: String(happenedAtMs),
        happenedAtMs,
        dimensions: {},
        facts: [{ feature, meter, amount, isMetered: true, late, limits: named }],
      };
    });
    this.#charges.set(id, [...(this.#charges.get(id) ?? []), ...charges]);
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

function askOf(step: Exclude<Step, { op: 'setLimits' | 'void' }>): Ask {
  return step.op === 'commit' || step.op === 'release' ? step : { ...step, feature: '' };
}

function answerOf(op: Step['op'], result: Result): Answer {
  if (result.kind === 'error') return { error: result.code };
  if (result.kind !== 'decided') throw new Error(`no step of a vector is answered by an ${result.kind}`);
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
