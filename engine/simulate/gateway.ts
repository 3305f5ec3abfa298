import { WeirError } from '../contract/errors.js';
import type { WeirEngine } from '../create.js';
import type { CheckOutcome, EventInput, ReservationAnswer } from '../engine.js';
import type { Ask, CheckAsk, Decided, EventAsk, Result } from '../oracle/reply.js';

/** What one customer sends at once: one operation, or several in one request. */
export interface Errand {
  readonly customer: string;
  readonly kind: 'one' | 'many' | 'atomic' | 'events';
  readonly asks: readonly Ask[];
}

/** An answer of the engine, in the model's terms; `version` is 0 where the answer has none. */
export interface Observed {
  readonly result: Result;
  readonly version: number;
}

/** Sends an errand through a gateway. @returns one answer for each of its operations. */
export async function send(engine: WeirEngine, errand: Errand): Promise<Observed[]> {
  const { customer, kind, asks } = errand;
  try {
    switch (kind) {
      case 'one':
        return [await sendOne(engine, customer, asks)];
      case 'many':
      case 'atomic':
        return (await engine.checkMany(asks.filter(isCheck).map(checkOf(customer)), kind === 'atomic')).map(ofCheck);
      case 'events':
        return (await engine.record(asks.filter(isEvent).map(eventOf(customer)))).map((outcome) => ({
          result:
            outcome.status === 'rejected'
              ? { kind: 'error', code: outcome.code }
              : { kind: 'event', status: outcome.status },
          version: 0,
        }));
    }
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return asks.map(() => ({ result: { kind: 'error', code: error.code }, version: 0 }));
  }
}

async function sendOne(engine: WeirEngine, customer: string, [ask]: readonly Ask[]): Promise<Observed> {
  if (ask === undefined) throw new Error('an errand without an operation');
  switch (ask.op) {
    case 'check':
    case 'peek':
      return ofCheck(await engine.check(checkOf(customer)(ask)));
    case 'record':
      return ofDecision(await engine.recordFeature(checkOf(customer)(ask)));
    case 'reserve': {
      const { feature, entity, amount, ttlMs } = ask;
      return ofReservation(await engine.reserve({ customer, id: ask.reservation, feature, entity, amount, ttlMs }));
    }
    case 'commit':
      return ofReservation(await engine.commit({ customer, id: ask.reservation, amount: ask.amount }));
    case 'release':
      return ofReservation(await engine.release({ customer, id: ask.reservation }));
    case 'heartbeat':
      return ofReservation(await engine.heartbeat({ customer, id: ask.reservation, ttlMs: ask.ttlMs }));
    case 'void': {
      const { replayed, facts } = await engine.void(ask.charge);
      const after = facts.flatMap(({ limits }) => limits.map((limit) => limit.after));
      return { result: { kind: 'voided', replayed, after }, version: 0 };
    }
    case 'event': {
      const [outcome] = await engine.record([eventOf(customer)(ask)]);
      if (outcome === undefined) throw new Error('an event without an outcome');
      if (outcome.status === 'rejected') return { result: { kind: 'error', code: outcome.code }, version: 0 };
      return { result: { kind: 'event', status: outcome.status }, version: 0 };
    }
  }
}

export const isCheck = (ask: Ask): ask is CheckAsk => ask.op === 'check' || ask.op === 'peek' || ask.op === 'record';
const isEvent = (ask: Ask): ask is EventAsk => ask.op === 'event';

const checkOf =
  (customer: string) =>
  ({ op, feature, entity, amount, id }: CheckAsk): Parameters<WeirEngine['check']>[0] => ({
    customer,
    feature,
    entity,
    amount,
    id,
    dryRun: op === 'peek',
  });

const eventOf =
  (customer: string) =>
  ({ source, id, type, entity, happenedAtMs, data }: EventAsk): EventInput => ({
    customer,
    source,
    id,
    type,
    entity,
    happenedAtMs,
    data,
  });

function ofCheck(outcome: CheckOutcome): Observed {
  if (outcome.status === 'failed') return { result: { kind: 'error', code: outcome.code }, version: 0 };
  return ofDecision(outcome.decision);
}

function ofDecision(
  decision: Decided & { readonly version: number },
  { expiresAtMs, late, overrun } = { expiresAtMs: 0, late: false, overrun: false },
): Observed {
  const { allowed, reason, deniedBy, shadowDeniedBy, retryAfterMs, crossed, limits } = decision;
  const { remaining, resetAtMs, replayed, version } = decision;
  const shown = { allowed, reason, deniedBy, shadowDeniedBy, retryAfterMs, crossed, limits };
  return {
    result: {
      kind: 'decided',
      decision: { ...shown, remaining, resetAtMs, replayed },
      expiresAtMs,
      late,
      overrun,
    },
    version,
  };
}

const ofReservation = (answer: ReservationAnswer): Observed => ofDecision(answer.decision, answer);
