import { EVENT_AHEAD_MS_MAX } from '../contract/constants.js';
import { bodyOf, decided, recalled } from './admission.js';
import { isOver } from './books.js';
import { charge, chargeBefore, isBucket, isQuota, type LimitState } from './limit-state.js';
import type { CheckAsk, EventAsk, ExpectedFact, Reply, Result } from './reply.js';
import { chargedLimits, refused, replayed, shapeOf, spell, type Turn, type View } from './turn.js';

/** A record of one feature: always admitted, past every cap and whatever the customer's status. */
export function record(turn: Turn, ask: CheckAsk): Reply {
  const grant = turn.scope.grant(ask.feature, ask.entity);
  if (grant === null) return refused('unknown_entity');
  const body = bodyOf(ask);
  const known = recalled(turn, ask);
  if (known !== undefined) return replayed(known, body, grant.rules);
  const views = turn.views(grant.rules);
  const crossed = turn.charge(views, BigInt(ask.amount));
  if (crossed === null) return refused('amount_out_of_range');
  const { result } = decided(turn.decided(true, views, BigInt(ask.amount), crossed));
  const { atMs } = turn;
  turn.books.latestMs = atMs;
  if (ask.id !== undefined) turn.books.ids.set(ask.id, { body, result, atMs, shape: shapeOf(grant.rules) });
  const fact = factOf(turn, ask.entity, atMs, { meter: grant.meter, feature: ask.feature, amount: ask.amount });
  return { result, facts: [{ ...fact, limits: chargedLimits(views) }], denial: null };
}

/** An event: each of its parts charged to the window of its own time, where that is still kept. */
export function recordEvent(turn: Turn, ask: EventAsk): Reply {
  const parts = turn.scope.parts(ask);
  if (typeof parts === 'string') return refused(parts);
  const { atMs, books } = turn;
  const id = spell({ source: ask.source, id: ask.id });
  const body = spell({ type: ask.type, entity: ask.entity ?? '', ...ask.data });
  const known = books.ids.get(id);
  if (known !== undefined && !isOver(known, atMs)) return replayed(known, body, []);
  const claimedMs = ask.happenedAtMs ?? atMs;
  if (claimedMs > atMs + EVENT_AHEAD_MS_MAX) return refused('time_in_future');
  const happenedAtMs = Math.min(claimedMs, atMs);
  // What happens now belongs to each limit's current window, which a clock that was set back may have before it.
  const chargeAtMs = claimedMs < atMs ? claimedMs : Number.POSITIVE_INFINITY;

  const viewed = parts.map((part) => ({ part, views: turn.views(part.rules) }));
  const facts: ExpectedFact[] = [];
  for (const { part, views } of viewed) {
    const late = views.map((view) => chargePast(turn, view, BigInt(part.amount), chargeAtMs));
    if (late.includes('out_of_range')) return refused('amount_out_of_range');
    const fact = factOf(turn, ask.entity, happenedAtMs, part);
    facts.push({ ...fact, late: late.includes('late'), limits: chargedLimits(views) });
  }
  const result: Result = { kind: 'event', status: 'accepted' };
  books.latestMs = atMs;
  books.ids.set(id, { body, result, atMs, shape: shapeOf([]) });
  return { result, facts, denial: null };
}

/** Charges one limit at the time that usage happened. */
function chargePast(turn: Turn, view: View, amount: bigint, happenedAtMs: number): 'done' | 'late' | 'out_of_range' {
  const { state } = view;
  let after: LimitState | null;
  if (isQuota(state) && happenedAtMs < state.startMs) {
    if (happenedAtMs < state.previousMs) return 'late';
    after = chargeBefore(state, amount);
    view.charged = 'before';
  } else {
    if (isBucket(state) && happenedAtMs < turn.atMs) {
      const { refill } = state.limit;
      const refilled = BigInt(turn.atMs - happenedAtMs) * BigInt(refill.amount);
      if (refilled >= amount * BigInt(refill.everyMs)) return 'done';
    }
    if (!isBucket(state) && !isQuota(state)) return 'done';
    after = charge(state, amount, true)?.state ?? null;
    view.charged = 'now';
  }
  if (after === null) return 'out_of_range';
  turn.put(view, after);
  return 'done';
}

function factOf(
  turn: Turn,
  entity: string | undefined,
  happenedAtMs: number,
  { meter, feature, amount }: { readonly meter: string; readonly feature: string; readonly amount: number },
): Omit<ExpectedFact, 'limits'> {
  return {
    kind: 'record',
    feature,
    meter,
    entity: entity ?? '',
    amount,
    late: false,
    happenedAtMs,
    chargedAtMs: turn.atMs,
  };
}
