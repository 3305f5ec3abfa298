import type { Span } from '@opentelemetry/api';
import { ByteReader, ByteWriter } from '../contract/bytes.js';
import { ID_RETENTION_MS } from '../contract/constants.js';
import { type FactHead, readHead, writeHead } from '../contract/fact.js';
import type { LimitSet } from '../limits/limit-set.js';
import { GATE_OPEN } from '../limits/resolve.js';
import { NEVER_MS } from '../limits/window.js';
import { customerHolder, entityHolder } from './keys.js';
import {
  type Answer,
  type AnswerFlags,
  type AnswerState,
  KIND,
  type Operation,
  type VoidedPlace,
} from './operation.js';

/** Named values ↔ the arguments and the reply of lua/commit.lua. The layouts stand in the header of each Lua file. */

export interface EncodedCall {
  /** Customers and entities, in the order of their keys. */
  readonly holders: readonly string[];
  readonly sets: Buffer;
  readonly descriptors: Buffer;
  readonly operations: Buffer;
}

/** One operation, or several that are admitted all or none. */
export interface Submission {
  readonly operations: readonly Operation[];
  readonly atomic: boolean;
  /** Its caller waits for Redis as long as for a fate: usage that has happened is better late than sent twice. */
  readonly patient?: boolean;
  /** The request's span, where it is traced. */
  readonly span?: Span | undefined;
}

let callNumber = 0;

/** Writers are reused from call to call: encoding is synchronous. */
const sets = new ByteWriter(4_096);
const descriptors = new ByteWriter(4_096);
const operations = new ByteWriter(16_384);

export function encodeCall(submissions: readonly Submission[]): EncodedCall {
  callNumber++;
  sets.reset();
  descriptors.reset();
  operations.reset();
  const holders: string[] = [];
  // By customer and not by holder: the hash of a text that was just put together has to be worked out.
  const customerIndexes = new Map<string, number>();
  const entityIndexes = new Map<string, number>();
  let setCount = 0;
  const indexOfSet = (set: LimitSet): number => {
    if (set.claimedBy !== callNumber) {
      set.claimedBy = callNumber;
      set.index = setCount++;
      sets.u16(set.config.length);
      sets.bytes(set.config);
      descriptors.bytes(set.descriptor);
    }
    return set.index;
  };
  const indexOfCustomer = (customer: string): number => {
    let index = customerIndexes.get(customer);
    if (index === undefined) {
      index = holders.push(customerHolder(customer)) - 1;
      customerIndexes.set(customer, index);
    }
    return index;
  };
  const indexOfEntity = (customer: string, entity: string): number => {
    const holder = entityHolder(customer, entity);
    let index = entityIndexes.get(holder);
    if (index === undefined) {
      index = holders.push(holder) - 1;
      entityIndexes.set(holder, index);
    }
    return index;
  };
  for (const submission of submissions) {
    submission.operations.forEach((operation, position) => {
      const group = submission.atomic && position === 0 ? submission.operations.length : 0;
      if (!submission.atomic && isPlain(operation)) writePlain(KIND_PLAIN, operation, indexOfCustomer, indexOfSet);
      else if (!submission.atomic && isPlainHold(operation)) writePlainHold(operation, indexOfCustomer, indexOfSet);
      else writeOperation(operation, group, indexOfCustomer, indexOfEntity, indexOfSet);
    });
  }
  return { holders, sets: sets.take(), descriptors: descriptors.take(), operations: operations.take() };
}

function writeOperation(
  operation: Operation,
  group: number,
  indexOfCustomer: (customer: string) => number,
  indexOfEntity: (customer: string, entity: string) => number,
  indexOfSet: (set: LimitSet) => number,
): void {
  const { id, entities } = operation;
  const { customer } = operation.head;
  operations.u8(KIND[operation.kind]);
  operations.u8(operation.gate);
  operations.u16(indexOfCustomer(customer));
  operations.u16(group);
  operations.u8(entities.length);
  operations.f64(operation.startsAtMs);
  operations.f64(operation.endsAtMs);
  operations.f64(operation.happenedAtMs);
  operations.u8(id?.mode ?? 0);
  for (const entity of entities) operations.u16(indexOfEntity(customer, entity));
  writeId(id);
  writeOperationHead(operation.head);
  operations.u8(operation.parts.length);
  for (const part of operation.parts) {
    operations.u16(indexOfSet(part.set));
    operations.f64(part.amount);
    operations.u8(part.flags);
  }
  if (operation.kind === 'void') for (const { voided = [] } of operation.parts) writeVoided(voided);
}

function writeId(id: Operation['id']): void {
  if (id === undefined) return;
  operations.hex(id.fingerprint);
  operations.hex(id.body);
  if (id.mode === 3) {
    operations.f64(id.ttlMs);
    operations.text(id.feature);
  }
}

function writeVoided(voided: readonly VoidedPlace[]): void {
  operations.u8(voided.length);
  for (const { place, windowStartMs } of voided) {
    operations.u8(place);
    operations.f64(windowStartMs);
  }
}

/** Kinds of operations in their short spelling. */
const KIND_PLAIN = 0;
const KIND_PLAIN_HOLD: Partial<Record<Operation['kind'], number>> = { reserve: 10, commit: 11, release: 12 };

/** A check by limits that names no id and no entity: nearly all operations. */
function isPlain({ kind, gate, id, entities, parts }: Operation): boolean {
  return kind === 'check' && gate === GATE_OPEN && id === undefined && entities.length === 0 && parts.length === 1;
}

/** A reservation by limits alone, its commit, or its release. */
function isPlainHold({ kind, gate, id, entities, parts }: Operation): boolean {
  const holds = KIND_PLAIN_HOLD[kind] !== undefined;
  return holds && gate === GATE_OPEN && id?.mode === 3 && entities.length === 0 && parts.length === 1;
}

function writePlainHold(
  operation: Operation,
  indexOfCustomer: (customer: string) => number,
  indexOfSet: (set: LimitSet) => number,
): void {
  writePlain(KIND_PLAIN_HOLD[operation.kind] ?? KIND_PLAIN, operation, indexOfCustomer, indexOfSet);
  writeId(operation.id);
}

function writePlain(
  kind: number,
  { head, parts, startsAtMs, endsAtMs }: Operation,
  indexOfCustomer: (customer: string) => number,
  indexOfSet: (set: LimitSet) => number,
): void {
  operations.u8(kind);
  operations.u16(indexOfCustomer(head.customer));
  for (const part of parts) {
    operations.u16(indexOfSet(part.set));
    operations.f64(part.amount);
    operations.u8(part.flags);
  }
  operations.f64(startsAtMs);
  operations.f64(endsAtMs);
  writeOperationHead(head);
}

function writeOperationHead(fields: FactHead): void {
  const at = operations.length;
  operations.u16(0);
  writeHead(operations, fields);
  operations.u16At(at, operations.length - at - 2);
}

const FLAG_SENT_BEFORE = 1;
const FLAG_SPOOLED = 2;
const FLAG_DROPS_DENIALS = 4;

/** Calls out of the ordinary: of a spool (engine/outage/charger.ts), or while the outbox is nearly full. */
export interface CallFlags {
  readonly spooled?: boolean;
  readonly dropsDenials?: boolean;
}

/** ARGV[1]. `clockMs` 0 means Redis's own clock; anything else is a test. */
export function encodeHeader(
  sequence: number,
  version: number,
  clockMs: number,
  sentBefore: boolean,
  count: number,
  { spooled = false, dropsDenials = false }: CallFlags = {},
): Buffer {
  const header = Buffer.allocUnsafe(35);
  header.writeDoubleLE(sequence, 0);
  header.writeDoubleLE(version, 8);
  header.writeDoubleLE(clockMs, 16);
  header.writeDoubleLE(ID_RETENTION_MS, 24);
  header[32] =
    (sentBefore ? FLAG_SENT_BEFORE : 0) | (spooled ? FLAG_SPOOLED : 0) | (dropsDenials ? FLAG_DROPS_DENIALS : 0);
  header.writeUInt16LE(count, 33);
  return header;
}

export type CallReply =
  | { readonly status: 'decided'; readonly sequence: number; readonly clockMs: number; readonly reader: ByteReader }
  | { readonly status: 'uninitialised' }
  | { readonly status: 'stale'; readonly version: number }
  | { readonly status: 'superseded' };

/** @throws RangeError for a reply that is not one of the script's. */
export function decodeReply(reply: Buffer): CallReply {
  const reader = new ByteReader(reply);
  const status = reader.u8();
  switch (status) {
    case 0: {
      const sequence = reader.f64();
      return { status: 'decided', sequence, clockMs: reader.f64(), reader };
    }
    case 1:
      return { status: 'uninitialised' };
    case 2:
      return { status: 'stale', version: reader.f64() };
    case 3:
      return { status: 'superseded' };
    default:
      throw new RangeError(`unknown reply ${status} of the commit script`);
  }
}

const NO_FLAGS: AnswerFlags = { replayed: false, clockFault: false, late: false, overrun: false };
const REFUSALS = {
  10: 'id_conflict',
  11: 'amount_out_of_range',
  14: 'time_in_future',
  15: 'unknown_reservation',
  16: 'already_committed',
  17: 'already_released',
  18: 'reservation_expired',
  20: 'id_memory_full',
} as const;
const DECIDED_PLAIN = 5;
const VOIDED = 6;
const SETTLED_PLAIN = 7;
const DECIDED = ['admitted', 'denied', 'recorded', 'undone_by_batch', 'settled'] as const;

const isRefusal = (status: number): status is keyof typeof REFUSALS => status in REFUSALS;

/** Reads the answer to one operation; lua/include/answers.lua. */
export function decodeAnswer(reader: ByteReader, operation: Operation): Answer {
  const status = reader.u8();
  if (status === DECIDED_PLAIN) {
    const states = readPlain(reader, operation);
    const expiresAtMs = operation.kind === 'reserve' ? reader.f64() : 0;
    return { status: 'admitted', flags: NO_FLAGS, states, atMs: 0, expiresAtMs };
  }
  const bits = reader.u8();
  const flags =
    bits === 0
      ? NO_FLAGS
      : { replayed: (bits & 1) !== 0, clockFault: (bits & 2) !== 0, late: (bits & 4) !== 0, overrun: (bits & 8) !== 0 };
  if (status === SETTLED_PLAIN) {
    return { status: 'settled', flags, states: readPlain(reader, operation), atMs: 0, expiresAtMs: 0 };
  }
  const decided = DECIDED[status];
  if (decided !== undefined) {
    if (operation.id?.mode === 1 || operation.kind === 'touch')
      return { status: decided, flags, states: [], atMs: 0, expiresAtMs: 0 };
    if (flags.replayed) return { status: decided, flags, ...readRemembered(reader) };
    const states: AnswerState[] = [];
    for (const part of operation.parts) for (const _ of part.set.rules) states.push(readState(reader));
    const atMs = decided === 'denied' ? reader.f64() : 0;
    const holds = operation.kind === 'reserve' || operation.kind === 'heartbeat';
    const expiresAtMs = holds && decided === 'admitted' ? reader.f64() : 0;
    return { status: decided, flags, states, atMs, expiresAtMs };
  }
  if (status === VOIDED) return { status: 'voided', flags, ...readVoided(reader) };
  if (status === 13) return { status: 'gated', reason: reader.u8() };
  if (status === 12) return { status: 'needs_window', instantMs: reader.f64(), place: reader.u16() };
  if (status === 19) return { status: 'needs_set', feature: reader.text() };
  if (isRefusal(status)) return { status: REFUSALS[status] };
  throw new RangeError(`unknown answer ${status} of the commit script`);
}

function readVoided(reader: ByteReader): Pick<Extract<Answer, { status: 'voided' }>, 'head' | 'voidedAtMs' | 'after'> {
  reader.u16();
  const head = readHead(reader);
  const voidedAtMs = reader.f64();
  const after = Array.from({ length: reader.u16() }, () => {
    const gaveBack = reader.u8() === 1;
    const counter = reader.f64();
    return gaveBack ? counter : null;
  });
  return { head, voidedAtMs, after };
}

function readPlain(reader: ByteReader, { parts }: Operation): AnswerState[] {
  const states: AnswerState[] = [];
  for (const part of parts) {
    for (let left = part.set.rules.length; left > 0; left--) {
      states.push({ window: 1, denies: false, crossed: 0, first: reader.f64(), second: reader.f64() });
    }
  }
  return states;
}

function readState(reader: ByteReader): AnswerState {
  const info = reader.u8();
  const crossed = reader.u16();
  return { window: info & 3, denies: (info & 48) !== 0, crossed, first: reader.f64(), second: reader.f64() };
}

const NUMBERS_PER_STATE = 7;
const AS_INCLUDED = -2;

function readRemembered(reader: ByteReader): { states: AnswerState[]; atMs: number; expiresAtMs: number } {
  const count = reader.u16();
  const expiresAtMs = reader.f64();
  const states: AnswerState[] = [];
  for (let left = (count - 1) / NUMBERS_PER_STATE; left > 0; left--) {
    const info = reader.f64();
    const crossed = reader.f64();
    const first = reader.f64();
    const second = reader.f64();
    const included = reader.f64();
    const hard = reader.f64();
    const endSeconds = reader.f64();
    const endMs = endSeconds < 0 ? NEVER_MS : Math.round(endSeconds * 1_000);
    states.push({
      window: info & 3,
      denies: (info & 48) !== 0,
      crossed,
      first,
      second,
      recalled: { included, hard: hard === AS_INCLUDED ? included : hard < 0 ? null : hard, endMs },
    });
  }
  return { states, atMs: 0, expiresAtMs };
}
