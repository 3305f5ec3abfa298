import { digestHex } from './platform/digest.js';
import type { OperationId } from './store/operation.js';
import { ID_MODE } from './store/operation.js';

/**
 * Fingerprints of ids: 128 bits of SHA-256 over customer, space and id, and 64 bits over the body that has to be the
 * same under the same id. Spaces keep a check's id apart from an event's and a reservation's (semantics.md, The same id).
 */
const FINGERPRINT_DIGITS = 32;
const BODY_DIGITS = 16;
const NO_BODY = '0'.repeat(BODY_DIGITS);

const fingerprint = (customer: string, space: string, id: string): string =>
  digestHex(`${customer}\0${space}\0${id}`).slice(0, FINGERPRINT_DIGITS);
const body = (...parts: (string | number)[]): string => digestHex(parts.join('\0')).slice(0, BODY_DIGITS);

export interface OperationBody {
  readonly operation: string;
  readonly feature: string;
  readonly entity: string | undefined;
  readonly amount: number;
}

/** The id of a check or a record: its answer is remembered. */
export function operationId(customer: string, id: string, of: OperationBody): OperationId {
  return {
    mode: ID_MODE.answer,
    fingerprint: fingerprint(customer, 'operation', id),
    body: body(of.operation, of.feature, of.entity ?? '', of.amount),
    ttlMs: 0,
    feature: '',
  };
}

/** The id of an event, its source and id: only that it was seen is remembered. */
export function eventId(
  customer: string,
  source: string,
  id: string,
  type: string,
  entity: string,
  amounts: readonly (string | number)[],
): OperationId {
  return {
    mode: ID_MODE.seen,
    fingerprint: fingerprint(customer, 'event', `${source}\0${id}`),
    body: body(type, entity, ...amounts),
    ttlMs: 0,
    feature: '',
  };
}

/** A void's id is that of the charge it takes back: its answer is remembered, whoever asked and for whatever reason. */
export function voidId(customer: string, source: string, id: string, charge: string): OperationId {
  return {
    mode: ID_MODE.answer,
    fingerprint: fingerprint(customer, 'void', `${source}\0${id}\0${charge}`),
    body: body('void'),
    ttlMs: 0,
    feature: '',
  };
}

/** Which reservation: who has it at hand need not work it out again. */
export const reservationFingerprint = (customer: string, id: string): string =>
  fingerprint(customer, 'reservation', id);

/** A reservation's id: the hold, and later how it was settled, is remembered. `subject` is the feature, and the entity. */
export function reservationId(fingerprinted: string, subject: string, amount: number, ttlMs: number): OperationId {
  return {
    mode: ID_MODE.reservation,
    fingerprint: fingerprinted,
    body: body('reserve', subject, amount, ttlMs),
    ttlMs,
    feature: subject,
  };
}

/** Which hold is settled or kept, whose body the script has: it looks at none. */
export function settlementId(fingerprinted: string, subject: string, ttlMs: number): OperationId {
  return { mode: ID_MODE.reservation, fingerprint: fingerprinted, body: NO_BODY, ttlMs, feature: subject };
}
