import { parseAmount } from './contract/amounts.js';
import { type Decider, errorOf } from './decide.js';
import { decisionOf } from './decision-of.js';
import type { ReservationAnswer, ReserveRequest, SettleRequest } from './engine.js';
import { reservationId } from './ids.js';
import { gatedDecision, operationOf } from './operations.js';

/** Holds on a feature's limits: made, then committed or released; an expired one goes back by itself. */
export class Reservations {
  readonly #decider: Decider;

  constructor(decider: Decider) {
    this.#decider = decider;
  }

  /** Holds an amount until it is settled or expires. @throws WeirError id_conflict and the errors of check. */
  reserve(request: ReserveRequest): Promise<ReservationAnswer> {
    return this.#decider.retried(async () => {
      const { customer, feature, entity, ttlMs } = request;
      const access = this.#decider.access(customer, feature);
      const { version } = this.#decider.view;
      const amount = parseAmount(request.amount, access.scale);
      const id = reservationId(customer, request.id, feature, entity ?? '', amount, ttlMs);
      const head = { customer, entity, source: 'reservation', id: request.id };
      const answer = await this.#decider.commitOne(operationOf('reserve', access, amount, id, head));
      const settled = { scale: access.scale, late: false, overrun: false };
      if (answer.status === 'gated')
        return { ...settled, decision: gatedDecision(answer.reason, version), expiresAtMs: 0 };
      if (!('states' in answer)) throw errorOf(answer);
      return { ...settled, decision: decisionOf(access.set, answer, amount, version), expiresAtMs: answer.expiresAtMs };
    });
  }

  /**
   * Commits an amount, or releases the hold. Where the caller does not know the hold's feature, Redis tells it and the
   * operation is asked again with that feature's limits.
   * @throws WeirError unknown_reservation, already_committed, already_released, reservation_expired.
   */
  settle(kind: 'commit' | 'release', request: SettleRequest): Promise<ReservationAnswer> {
    let feature = request.feature ?? '';
    return this.#decider.retried(async () => {
      for (;;) {
        const { customer } = request;
        const access = this.#decider.access(customer, feature);
        const { version } = this.#decider.view;
        const amount = kind === 'release' ? 0 : parseAmount(request.amount, access.scale);
        const id = reservationId(customer, request.id, feature, '', 0, 0);
        const head = { customer, source: 'reservation', id: request.id };
        const answer = await this.#decider.commitOne(operationOf(kind, access, amount, id, head));
        if (answer.status === 'needs_set' && answer.feature !== feature) {
          feature = answer.feature;
          continue;
        }
        if (!('states' in answer)) throw errorOf(answer);
        const { late, overrun } = answer.flags;
        return {
          decision: decisionOf(access.set, answer, amount, version),
          scale: access.scale,
          expiresAtMs: 0,
          late,
          overrun,
        };
      }
    });
  }
}
