import type { Reason } from '../contract/decision.js';
import { isOver } from './books.js';
import { type Hold, hold } from './hold.js';
import type { CheckAsk, Decided, Grant, Reply, ReserveAsk, Result } from './reply.js';
import { chargedLimits, refused, replayed, shapeOf, spell, type Turn, type View } from './turn.js';

/** check, peek and reserve: admitted only if every limit admits. */
export function admit(turn: Turn, ask: CheckAsk | ReserveAsk): Reply {
  const grant = turn.scope.grant(ask.feature, ask.entity);
  if (grant === null) return refused('unknown_entity');
  const body = bodyOf(ask);
  const known = ask.op === 'reserve' ? turn.reservation(ask.reservation)?.reserved : recalled(turn, ask);
  if (known !== undefined) return replayed(known, body, grant.rules);

  const reason = gateOf(grant, turn.atMs);
  if (reason !== null) return gated(ask, reason);
  if (grant.free) return decided({ ...NO_LIMITS, allowed: true, reason: 'ok' });
  const amount = BigInt(ask.amount);
  const views = turn.views(grant.rules);
  if (!turn.test(views, amount)) {
    const decision = turn.decided(false, views, amount, []);
    return { ...decided(decision), denial: denialOf(ask, 'limit_exceeded', decision.deniedBy) };
  }
  if (ask.op === 'peek') return decided(turn.decided(true, views, amount, []));
  const open = views.filter(({ denies }) => !denies);
  return ask.op === 'reserve'
    ? reserve(turn, ask, views, open, body)
    : check(turn, ask, grant.meter, views, open, body);
}

function check(turn: Turn, ask: CheckAsk, meter: string, views: View[], open: View[], body: string): Reply {
  const amount = BigInt(ask.amount);
  const crossed = turn.charge(open, amount);
  if (crossed === null) return refused('amount_out_of_range');
  const { result } = decided(turn.decided(true, views, amount, crossed));
  turn.books.latestMs = turn.atMs;
  if (ask.id !== undefined)
    turn.books.ids.set(ask.id, { body, result, atMs: turn.atMs, shape: shapeOf(views.map(({ rule }) => rule)) });
  const fact = {
    kind: 'check' as const,
    feature: ask.feature,
    meter,
    entity: ask.entity ?? '',
    amount: ask.amount,
    late: false,
    happenedAtMs: turn.atMs,
    chargedAtMs: turn.atMs,
    limits: chargedLimits(views),
  };
  return { result, facts: [fact], denial: null };
}

function reserve(turn: Turn, ask: ReserveAsk, views: View[], open: View[], body: string): Reply {
  const amount = BigInt(ask.amount);
  const holds: Hold[] = [];
  for (const view of open) {
    const held = hold(view.rule.key, view.state, amount);
    if (held === null) return refused('amount_out_of_range');
    turn.put(view, held.state);
    holds.push(held.hold);
  }
  const { atMs, books } = turn;
  const expiresAtMs = atMs + ask.ttlMs;
  const { result } = decided(turn.decided(true, views, amount, []), { expiresAtMs });
  books.latestMs = atMs;
  books.open.set(ask.reservation, true);
  books.reservations.set(ask.reservation, {
    reserved: { body, result, atMs, shape: shapeOf(views.map(({ rule }) => rule)) },
    feature: ask.feature,
    entity: ask.entity,
    amount,
    heldAtMs: atMs,
    expiresAtMs,
    holds,
    isHeld: true,
    finished: null,
  });
  return { result, facts: [], denial: null };
}

/** Ids of checks and records share a space. */
export function recalled(turn: Turn, { id }: CheckAsk): ReturnType<Turn['books']['ids']['get']> {
  const known = id === undefined ? undefined : turn.books.ids.get(id);
  return known === undefined || isOver(known, turn.atMs) ? undefined : known;
}

export function bodyOf(ask: CheckAsk | ReserveAsk): string {
  const { op, feature, entity = '', amount } = ask;
  return spell({ op, feature, entity, amount, ttlMs: ask.op === 'reserve' ? ask.ttlMs : 0 });
}

function gateOf({ refusal, startsAtMs, endsAtMs }: Grant, atMs: number): Reason | null {
  if (refusal !== null) return refusal;
  if (atMs < startsAtMs) return 'not_started';
  return atMs >= endsAtMs ? 'expired' : null;
}

const NO_LIMITS: Omit<Decided, 'allowed' | 'reason'> = {
  deniedBy: [],
  shadowDeniedBy: [],
  retryAfterMs: 0,
  crossed: [],
  limits: {},
  remaining: null,
  resetAtMs: null,
  replayed: false,
};

function gated(ask: CheckAsk | ReserveAsk, reason: Reason): Reply {
  const denied = decided({ ...NO_LIMITS, allowed: false, reason, retryAfterMs: null });
  return { ...denied, denial: denialOf(ask, reason, []) };
}

function denialOf(ask: CheckAsk | ReserveAsk, reason: Reason, deniedBy: readonly string[]): Reply['denial'] {
  return ask.op === 'peek' ? null : { feature: ask.feature, reason, deniedBy, amount: ask.amount };
}

/** A decision as a result, without a line in any ledger. */
export function decided(
  decision: Decided,
  rest: Partial<Pick<Extract<Result, { kind: 'decided' }>, 'expiresAtMs' | 'late' | 'overrun'>> = {},
): Reply {
  const result = { kind: 'decided' as const, decision, expiresAtMs: 0, late: false, overrun: false, ...rest };
  return { result, facts: [], denial: null };
}
