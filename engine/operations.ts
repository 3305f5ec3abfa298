import type { Decision } from './contract/decision.js';
import { DENIAL_REASONS, FACT_METER_FIRST } from './contract/fact.js';
import { type Access, GATE_OPEN } from './limits/resolve.js';
import { NEVER_MS } from './limits/window.js';
import type { Operation } from './store/operation.js';

/** Neither gate nor dates: of what is taken, or looked at, whatever the customer's status. */
export const ALWAYS = { gate: GATE_OPEN, startsAtMs: Number.NEGATIVE_INFINITY, endsAtMs: NEVER_MS } as const;

/** What an operation that is always taken may have. */
interface Taken {
  readonly happenedAtMs: number;
  readonly id: Operation['id'];
  readonly entities: Operation['entities'];
  readonly parts: Operation['parts'];
}
const NOTHING: Taken = { happenedAtMs: 0, id: undefined, entities: [], parts: [] };

/** An operation that is always taken. As `operationOf` one literal and no spread: all share one hidden class. */
export function takenOperation(
  kind: Operation['kind'],
  head: Operation['head'],
  { happenedAtMs, id, entities, parts }: Taken = NOTHING,
): Operation {
  return {
    kind,
    gate: ALWAYS.gate,
    startsAtMs: ALWAYS.startsAtMs,
    endsAtMs: ALWAYS.endsAtMs,
    happenedAtMs,
    id,
    head,
    entities,
    parts,
  };
}

/** An operation on one feature. */
export function operationOf(
  kind: Operation['kind'],
  access: Access,
  amount: number,
  id: Operation['id'],
  head: Operation['head'],
): Operation {
  return {
    kind,
    gate: access.gate,
    startsAtMs: access.startsAtMs,
    endsAtMs: access.endsAtMs,
    happenedAtMs: 0,
    id,
    head,
    entities: access.entities,
    parts: [{ set: access.set, amount, flags: FACT_METER_FIRST }],
  };
}

const NO_LIMITS: Omit<Decision, 'allowed' | 'reason' | 'version'> = {
  deniedBy: [],
  shadowDeniedBy: [],
  retryAfterMs: 0,
  crossed: [],
  limits: {},
  remaining: null,
  resetAtMs: null,
  replayed: false,
  degraded: false,
};

/** A denial that no limit made: `reason` is the script's number of it. */
export function gatedDecision(reason: number, version: number): Decision {
  return {
    ...NO_LIMITS,
    allowed: false,
    reason: DENIAL_REASONS[reason] ?? 'not_entitled',
    retryAfterMs: null,
    version,
  };
}

/** An item of an atomic batch that was never asked, since another could not be. */
export function batchDenied(version: number): Decision {
  return { ...NO_LIMITS, allowed: false, reason: 'batch_denied', version };
}
