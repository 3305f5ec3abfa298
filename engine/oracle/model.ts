import { CLOCK_BEHIND_MS_MAX, EXPIRED_HOLDS_PER_OPERATION_MAX } from '../contract/constants.js';
import type { Crossing } from '../contract/decision.js';
import {
  admits,
  advance,
  answerOf,
  charge,
  type Hold,
  type Holder,
  hold,
  isHeldOn,
  type LimitState,
  undo,
  waitMs,
} from './limit-state.js';
import { IdMemory, isForgotten, type Reservation, remember, replay } from './memory.js';
import type { Answer, Step, VectorLimit } from './vectors.js';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** What one operation would leave behind; dropped unless the operation is one that writes. */
interface Draft {
  readonly atMs: number;
  readonly states: Map<string, LimitState>;
  readonly reservations: Map<string, Reservation>;
}

/**
 * What the engine must answer: one customer with one metered feature, all of semantics.md but events with a time of
 * their own, voids and entities. Simple before fast, exact by bigint, and sharing nothing with the engine but the
 * calendar and the contract, so that an error in one of them shows as a difference.
 */
export class Model {
  readonly #holder: Holder;
  #limits: readonly VectorLimit[];
  #latestMs: number | null = null;
  #generation = 0;
  #states = new Map<string, LimitState>();
  #reservations = new Map<string, Reservation>();
  readonly #ids = new IdMemory();

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
    const draft = this.#draft(this.#clock(nowMs));
    switch (step.op) {
      case 'peek':
        return this.#test(draft, BigInt(step.amount));
      case 'check':
      case 'record':
        return this.#chargeNow(draft, step);
      case 'reserve':
        return this.#reserve(draft, step);
      case 'commit':
        return this.#finish(draft, step, BigInt(step.amount));
      case 'release':
        return this.#finish(draft, step, null);
    }
  }

  /** A little behind the latest time counts as that; further behind it is a fault of the clock, and taken as it is. */
  #clock(nowMs: number): number {
    const latestMs = this.#latestMs ?? nowMs;
    return nowMs < latestMs && latestMs - nowMs <= CLOCK_BEHIND_MS_MAX ? latestMs : nowMs;
  }

  /** The books at an instant: limits brought there, and the oldest expired holds undone. */
  #draft(atMs: number): Draft {
    const states = new Map(this.#states);
    for (const limit of this.#limits) {
      this.#generation += 1;
      states.set(limit.id, advance(limit, this.#holder, states.get(limit.id), atMs, this.#generation));
    }
    const draft = { atMs, states, reservations: new Map(this.#reservations) };
    const expired = [...draft.reservations]
      .filter(([, { isHeld, expiresAtMs }]) => isHeld && expiresAtMs <= atMs)
      .sort(([, a], [, b]) => a.expiresAtMs - b.expiresAtMs)
      .slice(0, EXPIRED_HOLDS_PER_OPERATION_MAX);
    for (const [id, reservation] of expired) {
      giveBack(draft, reservation);
      draft.reservations.set(id, { ...reservation, isHeld: false });
    }
    for (const [id, reservation] of draft.reservations) {
      if (!reservation.isHeld && isForgotten(reservation, atMs)) draft.reservations.delete(id);
    }
    return draft;
  }

  #write(draft: Draft): void {
    this.#latestMs = draft.atMs;
    this.#states = draft.states;
    this.#reservations = draft.reservations;
  }

  #test(draft: Draft, amount: bigint): Answer {
    const denying = this.#current(draft).filter((state) => !admits(state, amount));
    const shadows = denying.filter(({ limit }) => limit.shadow === true);
    const denied = denying.filter(({ limit }) => limit.shadow !== true);
    return {
      allowed: denied.length === 0,
      ...(denied.length === 0
        ? {}
        : { deniedBy: idsOf(denied), retryAfterMs: longestWait(denied, amount, draft.atMs) }),
      ...(shadows.length === 0 ? {} : { shadowDeniedBy: idsOf(shadows) }),
      limits: this.#show(draft),
    };
  }

  #chargeNow(draft: Draft, step: StepOf<'check' | 'record'>): Answer {
    const { id, ...body } = step;
    const known = id === undefined ? undefined : this.#ids.recall(id, draft.atMs);
    if (known !== undefined) return replay(known, body) ?? conflict;

    const amount = BigInt(step.amount);
    const tested = step.op === 'check' ? this.#test(draft, amount) : {};
    if (tested.allowed === false) return tested;
    const charged = this.#current(draft).filter(({ limit }) => !tested.shadowDeniedBy?.includes(limit.id));
    const crossed = this.#chargeAll(draft, charged, amount);
    if (crossed === null) return { error: 'amount_out_of_range' };
    const answer = { ...tested, ...(crossed.length === 0 ? {} : { crossed }), limits: this.#show(draft) };
    this.#write(draft);
    if (id !== undefined) this.#ids.keep(id, remember(body, answer, draft.atMs));
    return answer;
  }

  #reserve(draft: Draft, step: StepOf<'reserve'>): Answer {
    const { reservation: id, ...body } = step;
    const known = recall(draft, id);
    if (known !== undefined) return replay(known.reserved, body) ?? conflict;

    const amount = BigInt(step.amount);
    const tested = this.#test(draft, amount);
    if (tested.allowed === false) return tested;
    const holds: Hold[] = [];
    for (const state of this.#current(draft)) {
      if (tested.shadowDeniedBy?.includes(state.limit.id)) continue;
      const held = hold(state, amount);
      if (held === null) return { error: 'amount_out_of_range' };
      draft.states.set(state.limit.id, held.state);
      holds.push(held.hold);
    }
    const answer = { ...tested, limits: this.#show(draft) };
    const expiresAtMs = draft.atMs + step.ttlMs;
    const reserved = remember(body, answer, draft.atMs);
    draft.reservations.set(id, { reserved, amount, expiresAtMs, holds, isHeld: true, finished: null });
    this.#write(draft);
    return answer;
  }

  /** A commit, or with the amount null a release. */
  #finish(draft: Draft, step: StepOf<'commit' | 'release'>, amount: bigint | null): Answer {
    const { reservation: id, ...body } = step;
    const known = recall(draft, id);
    if (known === undefined) return { error: 'unknown_reservation' };
    if (known.finished !== null) {
      const otherwise = known.finished.op === 'commit' ? 'already_committed' : 'already_released';
      return replay(known.finished, body) ?? { error: otherwise };
    }
    const isLate = known.expiresAtMs <= draft.atMs;
    if (isLate && amount === null) return { error: 'reservation_expired' };

    if (known.isHeld) giveBack(draft, known);
    const charged = known.holds.flatMap((held) => {
      const state = draft.states.get(held.limit);
      return state !== undefined && isHeldOn(state, held) ? [state] : [];
    });
    const crossed = amount === null ? [] : this.#chargeAll(draft, charged, amount);
    if (crossed === null) return { error: 'amount_out_of_range' };
    const answer = {
      status: amount === null ? 'released' : 'committed',
      ...(isLate ? { late: true } : {}),
      ...(amount !== null && amount > known.amount ? { overrun: true } : {}),
      ...(crossed.length === 0 ? {} : { crossed }),
      limits: this.#show(draft),
    };
    const finished = { op: step.op, ...remember(body, answer, draft.atMs) };
    draft.reservations.set(id, { ...known, isHeld: false, finished });
    this.#write(draft);
    return answer;
  }

  /** Charges all or nothing; null when a counter would leave its range. A limit no longer in force warns nobody. */
  #chargeAll(draft: Draft, charged: readonly LimitState[], amount: bigint): Crossing[] | null {
    const crossed: Crossing[] = [];
    for (const state of charged) {
      const { id } = state.limit;
      const after = charge(
        state,
        amount,
        this.#limits.some((limit) => limit.id === id),
      );
      if (after === null) return null;
      draft.states.set(id, after.state);
      crossed.push(...after.crossed);
    }
    return crossed;
  }

  /** States of the limits in force, in list order. */
  #current(draft: Draft): LimitState[] {
    return this.#limits.flatMap(({ id }) => draft.states.get(id) ?? []);
  }

  #show(draft: Draft): NonNullable<Answer['limits']> {
    return Object.fromEntries(this.#current(draft).map((state) => [state.limit.id, answerOf(state)]));
  }
}

const conflict: Answer = { error: 'id_conflict' };
const idsOf = (states: readonly LimitState[]): string[] => states.map(({ limit }) => limit.id);

function longestWait(denied: readonly LimitState[], amount: bigint, atMs: number): number | null {
  const waits = denied.map((state) => waitMs(state, amount, atMs));
  return waits.includes(null) ? null : Math.max(...waits.map(Number));
}

function giveBack(draft: Draft, { holds, amount }: Reservation): void {
  for (const held of holds) {
    const state = draft.states.get(held.limit);
    if (state !== undefined) draft.states.set(held.limit, undo(state, held, amount));
  }
}

/** The reservation under an id; one that is forgotten, but still waits for its hold to go back, gives it back now. */
function recall(draft: Draft, id: string): Reservation | undefined {
  const reservation = draft.reservations.get(id);
  if (reservation === undefined || !isForgotten(reservation, draft.atMs)) return reservation;
  giveBack(draft, reservation);
  draft.reservations.delete(id);
  return undefined;
}
