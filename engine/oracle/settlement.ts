import type { Crossing } from '../contract/decision.js';
import { decided } from './admission.js';
import type { Reservation } from './books.js';
import { isHeldOn } from './hold.js';
import { charge, chargeBefore, isQuota } from './limit-state.js';
import type { Grant, HeartbeatAsk, Reply, Rule, SettleAsk, UnlistedCharge } from './reply.js';
import { chargedLimits, refused, replayed, shapeOf, type Turn, type View } from './turn.js';

/** commit and release: the hold is undone; a commit then charges the window the hold was made in. */
export function settle(turn: Turn, ask: SettleAsk): Reply {
  const known = turn.reservation(ask.reservation);
  if (known === undefined) return refused('unknown_reservation');
  const { atMs, books } = turn;
  const grant = grantOf(turn, known);
  if (known.finished !== null) return settledBefore(known.finished, ask, grant.rules);
  const late = isExpired(known, atMs);
  if (late && ask.op === 'release') return refused('reservation_expired');

  if (known.isHeld) turn.giveBack(ask.reservation, known);
  const views = turn.views(grant.rules);
  // Giving back writes a limit as any other operation on it does.
  if (known.isHeld) for (const view of turn.heldViews(known, views, true)) turn.put(view, view.state);
  const amount = ask.op === 'commit' ? BigInt(ask.amount) : 0n;
  const charged = ask.op === 'commit' ? chargeHeld(turn, known, views, amount) : NOTHING_CHARGED;
  if (charged === null) return refused('amount_out_of_range');
  const overrun = amount > known.amount;
  const decision = turn.decided(true, views, amount, charged.crossed);
  const { result } = decided(decision, { late, overrun });
  books.latestMs = atMs;
  const finished = { op: ask.op, body: amount.toString(), result, atMs, shape: shapeOf(grant.rules) };
  books.reservations.set(ask.reservation, { ...known, isHeld: false, finished });
  if (ask.op === 'release') return { result, facts: [], denial: null };
  const fact = {
    kind: 'commit' as const,
    feature: known.feature,
    meter: grant.meter,
    entity: known.entity ?? '',
    amount: ask.amount,
    late: charged.isLate,
    happenedAtMs: known.heldAtMs,
    chargedAtMs: atMs,
    limits: chargedLimits(views),
  };
  return { result, facts: [fact], denial: null, unlisted: charged.unlisted };
}

/** What the hold is on by the catalog of now; of an entity that is gone the customer's limits. */
function grantOf({ scope }: Turn, { feature, entity }: Reservation): Grant {
  const grant = scope.grant(feature, entity) ?? scope.grant(feature, undefined);
  if (grant === null) throw new Error('every feature has a grant, or a refusal');
  return grant;
}

/** A hold that was given back stays so, also when the clock is set back. */
const isExpired = ({ isHeld, expiresAtMs }: Reservation, atMs: number): boolean => !isHeld || expiresAtMs <= atMs;

function settledBefore(finished: NonNullable<Reservation['finished']>, ask: SettleAsk, rules: readonly Rule[]): Reply {
  const body = ask.op === 'commit' ? String(ask.amount) : '0';
  if (finished.op !== ask.op || finished.body !== body) {
    return refused(finished.op === 'commit' ? 'already_committed' : 'already_released');
  }
  return replayed(finished, body, rules);
}

const NOTHING_CHARGED = { crossed: [], isLate: false, unlisted: [] };

/**
 * Charges the limits that the amount was held on: the window of the hold, now or the one before, else the ledger only.
 * One that is no longer in force, or is defined otherwise by now, is charged too while its state is the hold's, but warns nobody.
 */
function chargeHeld(
  turn: Turn,
  reservation: Reservation,
  views: readonly View[],
  amount: bigint,
): { crossed: readonly Crossing[]; isLate: boolean; unlisted: readonly UnlistedCharge[] } | null {
  const held = turn.heldViews(reservation, views, false);
  const now = turn.heldViews(reservation, views, true);
  const past = held.filter((view) => !now.includes(view));
  const crossed = turn.charge(now, amount);
  if (crossed === null) return null;
  let isLate = false;
  for (const view of past) {
    if (!isQuota(view.state)) continue;
    const startMs = reservation.holds.find(({ key }) => key === view.rule.key)?.startMs;
    if (startMs !== view.state.previousMs) {
      isLate = true;
      continue;
    }
    const after = chargeBefore(view.state, amount);
    if (after === null) return null;
    turn.put(view, after);
    view.charged = 'before';
  }
  const unlisted: UnlistedCharge[] = [];
  for (const each of reservation.holds) {
    if (held.some(({ rule }) => rule.key === each.key)) continue;
    const state = turn.books.states.get(each.key);
    if (state === undefined || !isHeldOn(state, each)) continue;
    const after = charge(state, amount, false);
    if (after === null) continue;
    turn.books.states.set(each.key, after.state);
    if (isQuota(after.state)) {
      unlisted.push({ key: each.key, windowStartMs: after.state.startMs, used: Number(after.state.used) });
    }
  }
  return { crossed, isLate, unlisted };
}

/** Moves the expiry of an open hold to a ttl from now. */
export function heartbeat(turn: Turn, ask: HeartbeatAsk): Reply {
  const known = turn.reservation(ask.reservation);
  if (known === undefined) return refused('unknown_reservation');
  if (known.finished !== null) {
    return refused(known.finished.op === 'commit' ? 'already_committed' : 'already_released');
  }
  if (isExpired(known, turn.atMs)) return refused('reservation_expired');
  const grant = grantOf(turn, known);
  const expiresAtMs = turn.atMs + ask.ttlMs;
  turn.books.reservations.set(ask.reservation, { ...known, expiresAtMs });
  turn.books.latestMs = turn.atMs;
  return decided(turn.decided(true, turn.views(grant.rules), 0n, []), { expiresAtMs });
}
