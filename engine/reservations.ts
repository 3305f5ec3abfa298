import { parseAmount } from './contract/amounts.js';
import { NO_POLICY } from './contract/decision.js';
import { WeirError } from './contract/errors.js';
import { type Decider, errorOf } from './decide.js';
import { decisionOf } from './decision-of.js';
import type { Caller, HeartbeatRequest, ReservationAnswer, ReserveRequest, SettleRequest } from './engine.js';
import { reservationId } from './ids.js';
import { gatedDecision, operationOf } from './operations.js';

/** What a hold is on: commit and release come without it, and learn it from Redis where this process does not know it. */
interface Subject {
  readonly feature: string;
  readonly entity: string | undefined;
}

const UNKNOWN: Subject = { feature: '', entity: undefined };
const spell = ({ feature, entity }: Subject): string => (entity === undefined ? feature : `${feature}\0${entity}`);

function readSubject(text: string): Subject {
  const [feature = '', entity] = text.split('\0');
  return { feature, entity };
}

/** Subjects of holds made here: a commit usually comes to the gateway that reserved, and is one call then. */
const SUBJECTS_MAX = 100_000;

/** Holds on a feature's limits: made, kept by heartbeats, then committed or released; an expired one goes back by itself. */
export class Reservations {
  readonly #decider: Decider;
  readonly #subjects = new Map<string, Subject>();

  constructor(decider: Decider) {
    this.#decider = decider;
  }

  /** Holds an amount, and a slot of each concurrency limit. @throws WeirError not_metered, id_conflict and the errors of check. */
  reserve(request: ReserveRequest, caller?: Caller): Promise<ReservationAnswer> {
    return this.#decider.retried(async () => {
      const { customer, feature, entity, ttlMs } = request;
      const { kind } = this.#decider.view.feature(feature) ?? { kind: 'metered' };
      if (kind !== 'metered') throw new WeirError('not_metered', `"${feature}" is ${kind}`, { field: 'feature' });
      const access = this.#decider.access(customer, feature, entity);
      const { version } = this.#decider.view;
      const amount = parseAmount(request.amount, access.scale);
      const id = reservationId(customer, request.id, spell({ feature, entity }), amount, ttlMs);
      const head = { customer, entity, source: 'reservation', id: request.id };
      const answer = await this.#decider.commitOne(operationOf('reserve', access, amount, id, head), caller);
      const settled = { feature, scale: access.scale, late: false, overrun: false };
      if (answer.status === 'gated') {
        return { ...settled, decision: gatedDecision(answer.reason, version), policy: NO_POLICY, expiresAtMs: 0 };
      }
      if (!('states' in answer)) throw errorOf(answer);
      if (answer.status === 'admitted') this.#remember(customer, request.id, { feature, entity });
      const decision = decisionOf(access.set, answer, amount, version);
      return { ...settled, decision, policy: access.set.policy, expiresAtMs: answer.expiresAtMs };
    });
  }

  /** Charges an amount, more or less than was held. @throws WeirError unknown_reservation, already_committed, already_released. */
  commit(request: SettleRequest, caller?: Caller): Promise<ReservationAnswer> {
    return this.#onHold('commit', request, request.amount, 0, caller);
  }

  /** Gives the hold back. @throws WeirError unknown_reservation, already_committed, reservation_expired. */
  release(request: Omit<SettleRequest, 'amount'>, caller?: Caller): Promise<ReservationAnswer> {
    return this.#onHold('release', request, 0, 0, caller);
  }

  /** Keeps the hold for another ttl. @throws WeirError unknown_reservation, reservation_expired, already_committed, already_released. */
  heartbeat(request: HeartbeatRequest, caller?: Caller): Promise<ReservationAnswer> {
    return this.#onHold('heartbeat', request, 0, request.ttlMs, caller);
  }

  #onHold(
    kind: 'commit' | 'release' | 'heartbeat',
    request: { readonly customer: string; readonly id: string },
    given: number | string,
    ttlMs: number,
    caller: Caller | undefined,
  ): Promise<ReservationAnswer> {
    const { customer, id } = request;
    let subject = this.#subjects.get(`${customer}\0${id}`) ?? UNKNOWN;
    return this.#decider.retried(async () => {
      for (;;) {
        const access = this.#decider.access(customer, subject.feature, subject.entity);
        const { version } = this.#decider.view;
        // Until the hold's feature is known its scale is not: the first call then only asks for it.
        const amount = subject === UNKNOWN ? 0 : parseAmount(given, access.scale);
        const operationId = reservationId(customer, id, spell(subject), amount, ttlMs);
        const head = { customer, entity: subject.entity, source: 'reservation', id };
        const answer = await this.#decider.commitOne(operationOf(kind, access, amount, operationId, head), caller);
        if (answer.status === 'needs_set' && answer.feature !== spell(subject)) {
          subject = readSubject(answer.feature);
          continue;
        }
        if (!('states' in answer)) throw errorOf(answer);
        const { late, overrun } = answer.flags;
        const { scale, set } = access;
        const decision = decisionOf(set, answer, amount, version);
        const { feature } = subject;
        return { feature, decision, scale, policy: set.policy, expiresAtMs: answer.expiresAtMs, late, overrun };
      }
    });
  }

  #remember(customer: string, id: string, subject: Subject): void {
    if (this.#subjects.size >= SUBJECTS_MAX) {
      const [oldest] = this.#subjects.keys();
      if (oldest !== undefined) this.#subjects.delete(oldest);
    }
    this.#subjects.set(`${customer}\0${id}`, subject);
  }
}
