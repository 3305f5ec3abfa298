import { parseAmount } from './contract/amounts.js';
import { NO_POLICY } from './contract/decision.js';
import { WeirError } from './contract/errors.js';
import { Decider, errorOf } from './decide.js';
import { decisionOf } from './decision-of.js';
import type { Caller, HeartbeatRequest, ReservationAnswer, ReserveRequest, SettleRequest } from './engine.js';
import { reservationFingerprint, reservationId, settlementId } from './ids.js';
import type { Access } from './limits/resolve.js';
import { gatedDecision, operationOf } from './operations.js';
import { Generations } from './platform/generations.js';
import type { Answer, Operation } from './store/operation.js';

/** What a hold is on: commit and release come without it, and learn it from Redis where this process does not know it. */
interface Subject {
  /** Empty while it is not known. */
  readonly feature: string;
  readonly entity: string | undefined;
  readonly fingerprint: string;
}

/** An operation with what is needed to read its answer. */
interface Prepared {
  readonly operation: Operation;
  readonly access: Access;
  readonly amount: number;
  /** Catalog version it was resolved by. */
  readonly version: number;
  readonly subject: Subject;
  /** Under which its subject is remembered. */
  readonly address: string;
}

const addressOf = (customer: string, id: string): string => `${customer}\0${id}`;
const unknownSubject = (customer: string, id: string): Subject => ({
  feature: '',
  entity: undefined,
  fingerprint: reservationFingerprint(customer, id),
});
const spell = ({ feature, entity }: Subject): string => (entity === undefined ? feature : `${feature}\0${entity}`);

function readSubject(text: string): Omit<Subject, 'fingerprint'> {
  const [feature = '', entity] = text.split('\0');
  return { feature, entity };
}

/** Subjects of open holds made here: a commit usually comes to the gateway that reserved, and is one call then. */
const SUBJECTS_MAX = 100_000;

/** Holds on a feature's limits: made, kept by heartbeats, then committed or released; an expired one goes back by itself. */
export class Reservations {
  readonly #decider: Decider;
  readonly #subjects = new Generations<Subject>(SUBJECTS_MAX);

  constructor(decider: Decider) {
    this.#decider = decider;
  }

  /** Holds an amount, and a slot of each concurrency limit. @throws WeirError not_metered, id_conflict and the errors of check. */
  reserve(request: ReserveRequest, caller?: Caller): Promise<ReservationAnswer> {
    return this.#asked(() => this.#prepareReserve(request), caller);
  }

  #prepareReserve({ customer, feature, entity, ttlMs, id, amount: given }: ReserveRequest): Prepared {
    const { kind } = this.#decider.view.feature(feature) ?? { kind: 'metered' };
    if (kind !== 'metered') throw new WeirError('not_metered', `"${feature}" is ${kind}`, { field: 'feature' });
    const access = this.#decider.access(customer, feature, entity);
    const { version } = this.#decider.view;
    const amount = parseAmount(given, access.scale);
    const subject: Subject = { feature, entity, fingerprint: reservationFingerprint(customer, id) };
    const operationId = reservationId(subject.fingerprint, spell(subject), amount, ttlMs);
    const head = { customer, entity, source: 'reservation', id };
    const operation = operationOf('reserve', access, amount, operationId, head);
    return { operation, access, amount, version, subject, address: addressOf(customer, id) };
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
    { customer, id }: { readonly customer: string; readonly id: string },
    given: number | string,
    ttlMs: number,
    caller: Caller | undefined,
  ): Promise<ReservationAnswer> {
    const address = addressOf(customer, id);
    let subject = this.#subjects.get(address) ?? unknownSubject(customer, id);
    return this.#asked(
      () => {
        const { feature, entity, fingerprint } = subject;
        const access = this.#accessOf(customer, subject);
        const { version } = this.#decider.view;
        // Until the hold's feature is known its scale is not: the first call then only asks for it.
        const amount = feature === '' ? 0 : parseAmount(given, access.scale);
        const operationId = settlementId(fingerprint, spell(subject), ttlMs);
        const head = { customer, entity, source: 'reservation', id };
        const operation = operationOf(kind, access, amount, operationId, head);
        return { operation, access, amount, version, subject, address };
      },
      caller,
      (text) => {
        subject = { ...readSubject(text), fingerprint: subject.fingerprint };
      },
    );
  }

  /** The limits of a hold. Where its entity is gone, those of its customer: the hold itself knows what else it is on. */
  #accessOf(customer: string, { feature, entity }: Subject): Access {
    try {
      return this.#decider.access(customer, feature, entity);
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== 'unknown_entity') throw error;
      return this.#decider.access(customer, feature);
    }
  }

  /**
   * The short way, which nearly all take: one call, one promise. `prepare` is asked again where that does not do.
   * @param learn takes the subject of a hold that this process does not know, before the operation is asked again.
   */
  #asked(
    prepare: () => Prepared,
    caller: Caller | undefined,
    learn?: (subject: string) => void,
  ): Promise<ReservationAnswer> {
    let prepared: Prepared;
    try {
      prepared = prepare();
    } catch (error) {
      if (!Decider.isMendable(error)) return Promise.reject(error);
      return this.#askedLong(prepare, caller, learn);
    }
    return new Promise((resolve, reject) => {
      this.#decider.ask(prepared.operation, caller, (answer) => {
        const isShort = !(answer instanceof Error) && answer.status !== 'needs_window' && answer.status !== 'needs_set';
        if (!isShort && (!(answer instanceof Error) || Decider.isMendable(answer))) {
          this.#askedLong(prepare, caller, learn).then(resolve, reject);
          return;
        }
        try {
          if (answer instanceof Error) throw answer;
          resolve(this.#answerOf(prepared, answer));
        } catch (error) {
          if (Decider.isMendable(error)) this.#askedLong(prepare, caller, learn).then(resolve, reject);
          else reject(error);
        }
      });
    });
  }

  /** Asks again after what was missing has been fetched. */
  #askedLong(
    prepare: () => Prepared,
    caller: Caller | undefined,
    learn?: (subject: string) => void,
  ): Promise<ReservationAnswer> {
    return this.#decider.retried(async () => {
      for (;;) {
        const prepared = prepare();
        const answer = await this.#decider.commitOne(prepared.operation, caller);
        if (answer.status !== 'needs_set' || answer.feature === prepared.operation.id?.feature || learn === undefined) {
          return this.#answerOf(prepared, answer);
        }
        learn(answer.feature);
      }
    });
  }

  #answerOf({ operation, access, amount, version, subject, address }: Prepared, answer: Answer): ReservationAnswer {
    const { scale, set } = access;
    const { feature } = subject;
    if (answer.status === 'gated') {
      const decision = gatedDecision(answer.reason, version);
      return { feature, decision, scale, policy: NO_POLICY, expiresAtMs: 0, late: false, overrun: false };
    }
    if (!('states' in answer)) throw errorOf(answer);
    if (operation.kind === 'reserve' && answer.status === 'admitted') this.#subjects.set(address, subject);
    else if (answer.status === 'settled') this.#subjects.delete(address);
    const { late, overrun } = answer.flags;
    const decision = decisionOf(set, answer, amount, version);
    return { feature, decision, scale, policy: set.policy, expiresAtMs: answer.expiresAtMs, late, overrun };
  }
}
