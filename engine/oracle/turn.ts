import { CLOCK_BEHIND_MS_MAX, EXPIRED_HOLDS_PER_OPERATION_MAX } from '../contract/constants.js';
import type { Crossing } from '../contract/decision.js';
import { type Books, isForgotten, type Remembered, type Reservation } from './books.js';
import { isHeldOn, undo } from './hold.js';
import {
  admits,
  advance,
  type Clock,
  charge,
  isBucket,
  isQuota,
  type LimitState,
  show,
  waitMs,
} from './limit-state.js';
import { floor } from './rational.js';
import type { ChargedLimit, Decided, Reply, Result, Rule, Scope } from './reply.js';

/** One limit in the course of one operation. */
export interface View {
  readonly rule: Rule;
  state: LimitState;
  denies: boolean;
  /** Where the charge went: nowhere, this window (or the bucket), or the window before. */
  charged: 'nowhere' | 'now' | 'before';
}

export const refused = (code: string): Reply => ({
  result: { kind: 'error', code },
  facts: [],
  denial: null,
});

/** One operation on books of its own, which the account merges when the operation was one that writes. */
export class Turn {
  readonly books: Books;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly #nextGeneration: () => number;

  constructor(books: Books, scope: Scope, nowMs: number, nextGeneration: () => number) {
    this.books = books;
    this.scope = scope;
    this.clock = clockOf(books.latestMs ?? nowMs, nowMs);
    this.#nextGeneration = nextGeneration;
  }

  get atMs(): number {
    return this.clock.atMs;
  }

  views(rules: readonly Rule[]): View[] {
    return rules.map((rule) => {
      const known = this.books.states.get(rule.key);
      const state = advance(rule.limit, this.scope.holder, known, this.clock, this.#nextGeneration());
      return { rule, state, denies: false, charged: 'nowhere' };
    });
  }

  put(view: View, state: LimitState): void {
    view.state = state;
    this.books.states.set(view.rule.key, state);
  }

  /** The oldest expired holds go back, whatever the operation then does. */
  expireHolds(): void {
    const { reservations, open } = this.books;
    const due = open.keys().flatMap((id) => {
      const reservation = reservations.get(id);
      return reservation !== undefined && reservation.expiresAtMs <= this.atMs ? [{ id, reservation }] : [];
    });
    due.sort((a, b) => a.reservation.expiresAtMs - b.reservation.expiresAtMs);
    for (const { id, reservation } of due.slice(0, EXPIRED_HOLDS_PER_OPERATION_MAX)) {
      this.giveBack(id, reservation);
    }
  }

  giveBack(id: string, reservation: Reservation): void {
    for (const held of reservation.holds) {
      const state = this.books.states.get(held.key);
      if (state !== undefined) this.books.states.set(held.key, undo(state, held, reservation.amount));
    }
    this.books.open.set(id, undefined);
    this.books.reservations.set(id, { ...reservation, isHeld: false });
  }

  /** The reservation under an id; one that is forgotten, but still waits for its hold to go back, gives it back now. */
  reservation(id: string): Reservation | undefined {
    const known = this.books.reservations.get(id);
    if (known === undefined || !isForgotten(known, this.atMs)) return known;
    if (known.isHeld) this.giveBack(id, known);
    return undefined;
  }

  /** The views' limits that an amount was held on and that are still the same, at the same window where `strictly`. */
  heldViews(reservation: Reservation, views: readonly View[], strictly: boolean): View[] {
    return views.filter(({ rule, state }) =>
      reservation.holds.some(
        (held) => held.key === rule.key && (strictly ? isHeldOn(state, held) : state.generation === held.generation),
      ),
    );
  }

  /** Marks what denies the amount; true when nothing that is enforced does. */
  test(views: readonly View[], amount: bigint): boolean {
    for (const view of views) view.denies = !admits(view.state, amount);
    return views.every(({ denies, rule }) => !denies || rule.limit.shadow === true);
  }

  /** Charges all or nothing; null when a counter would leave its range. */
  charge(views: readonly View[], amount: bigint): Crossing[] | null {
    const charges = views.map((view) => ({ view, after: charge(view.state, amount, true) }));
    const crossings: Crossing[] = [];
    for (const { after } of charges) if (after === null) return null;
    for (const { view, after } of charges) {
      if (after === null || view.rule.limit.kind === 'concurrency') continue;
      this.put(view, after.state);
      view.charged = 'now';
      crossings.push(...after.crossed.map((threshold) => ({ limit: view.rule.name, threshold })));
    }
    return crossings;
  }

  decided(allowed: boolean, views: readonly View[], amount: bigint, crossed: readonly Crossing[]): Decided {
    const denied = allowed ? [] : views.filter(({ denies, rule }) => denies && rule.limit.shadow !== true);
    const waits = denied.map(({ state }) => waitMs(state, amount, this.atMs));
    const shadows = views.filter(({ denies, rule }) => denies && rule.limit.shadow === true);
    return {
      allowed,
      reason: allowed ? (isPastIncluded(views) ? 'overage' : 'ok') : 'limit_exceeded',
      deniedBy: denied.map(({ rule }) => rule.name),
      shadowDeniedBy: shadows.map(({ rule }) => rule.name),
      retryAfterMs: waits.includes(null) ? null : Math.max(0, ...waits.map(Number)),
      crossed,
      limits: Object.fromEntries(views.map(({ rule, state }) => [rule.name, show(state)])),
      ...tightest(views),
      replayed: false,
    };
  }
}

/** A little behind the latest time counts as that; further behind it is a fault of the clock, and taken as it is. */
function clockOf(latestMs: number, nowMs: number): Clock {
  if (nowMs >= latestMs) return { atMs: nowMs, credits: true };
  if (latestMs - nowMs <= CLOCK_BEHIND_MS_MAX) return { atMs: latestMs, credits: true };
  return { atMs: nowMs, credits: false };
}

function isPastIncluded(views: readonly View[]): boolean {
  return views.some(
    ({ rule, state }) => rule.limit.shadow !== true && isQuota(state) && state.used > BigInt(state.limit.amount),
  );
}

/** How much more would be admitted now, and when that is reset: by the first of the limits that leave least. */
function tightest(views: readonly View[]): Pick<Decided, 'remaining' | 'resetAtMs'> {
  let least: Pick<Decided, 'remaining' | 'resetAtMs'> = { remaining: null, resetAtMs: null };
  for (const { rule, state } of views) {
    if (rule.limit.shadow === true) continue;
    const shown = show(state);
    const remaining = shown.kind === 'quota' ? shown.headroom : shown.remaining;
    if (remaining === null || (least.remaining !== null && remaining >= least.remaining)) continue;
    least = { remaining, resetAtMs: shown.kind === 'quota' ? shown.resetAtMs : null };
  }
  return least;
}

/** What a fact says of the limits it was charged to. */
export function chargedLimits(views: readonly View[]): ChargedLimit[] {
  return views.flatMap(({ rule, state, charged }): ChargedLimit[] => {
    if (charged === 'nowhere') return [];
    if (isBucket(state)) return [{ name: rule.name, windowStartMs: null, after: Number(floor(state.level)) }];
    if (!isQuota(state)) return [];
    const { previousMs, before, startMs, used } = state;
    return charged === 'before'
      ? [{ name: rule.name, windowStartMs: previousMs, after: Number(before) }]
      : [{ name: rule.name, windowStartMs: startMs, after: Number(used) }];
  });
}

/** One spelling of a body, whatever the order of its keys. */
export function spell(body: object): string {
  return JSON.stringify(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The first answer again, under other limits without theirs; or the error of another body. */
export function replayed(known: Remembered, body: string, rules: readonly Rule[]): Reply {
  if (known.body !== body) return refused('id_conflict');
  const result = known.shape === shapeOf(rules) ? known.result : withoutLimits(known.result);
  return { result: again(result), facts: [], denial: null };
}

function withoutLimits(result: Result): Result {
  if (result.kind !== 'decided') return result;
  const nothing = {
    reason: 'ok',
    shadowDeniedBy: [],
    crossed: [],
    limits: {},
    remaining: null,
    resetAtMs: null,
  } as const;
  return { ...result, decision: { ...result.decision, ...nothing } };
}

/** Which limits there are, whatever their sizes. */
export function shapeOf(rules: readonly Rule[]): string {
  return JSON.stringify(
    rules.map(({ name, limit: { kind, shadow = false, ...limit } }) => [
      name,
      kind,
      shadow,
      'warnAt' in limit ? [...(limit.warnAt ?? [])].sort((a, b) => a - b) : [],
    ]),
  );
}

function again(result: Result): Result {
  switch (result.kind) {
    case 'decided':
      return { ...result, decision: { ...result.decision, replayed: true } };
    case 'event':
      return { kind: 'event', status: 'duplicate' };
    case 'voided':
      return { ...result, replayed: true };
    case 'error':
      return result;
  }
}
