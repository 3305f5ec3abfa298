import { z } from 'zod';
import { type CheckRequest, checkRequestSchema } from '../../engine/contract/check.js';
import { CHECK_BATCH_MAX, EVENT_BATCH_MAX, ID_CHARS_MAX } from '../../engine/contract/constants.js';
import { type ErrorBody, type ErrorCode, errorBody, WeirError } from '../../engine/contract/errors.js';
import { eventSchema } from '../../engine/contract/event.js';
import type { EventInput } from '../../engine/index.js';
import { decodeText, issueError, parseJson, parseText, validate } from '../http/validate.js';
import { scanChecks } from './scan-body.js';

/**
 * Bodies that carry many items: read and checked item by item, so that a bad one does not cost the good ones. Pure, and
 * run on the event loop for small bodies, in the pool for large ones; so it takes from the contract only, or
 * a thread would load the engine with its clients.
 */

/** `json`: one event or an array of them; `lines`: one event a line (ndjson). */
export type EventFormat = 'json' | 'lines';

/** An event that was not charged (api.md, `POST /v1/events`). */
export interface RejectedEvent {
  readonly index: number;
  /** As the sender wrote it; null when there is none. */
  readonly id: string | null;
  readonly code: ErrorCode;
  readonly message: string;
  readonly field?: string;
}

/** Some of a body's events, in order: the good ones with their places, and the bad ones. */
export interface EventChunk {
  readonly events: EventInput[];
  readonly indexes: number[];
  readonly rejected: RejectedEvent[];
}

/** Events handed over at once: small enough that cloning them between threads stays well under a millisecond. */
export const EVENT_CHUNK_MAX = 256;

/** Attributes whose meaning we would get wrong by ignoring them. */
const BASE64 = 'data_base64';

/**
 * Reads events in chunks.
 * @param customer the customer that the key is bound to; others' events are rejected.
 * @throws WeirError invalid_json, too_many_items for the body as a whole.
 */
export function* decodeEvents(
  bytes: Uint8Array,
  format: EventFormat,
  customer: string | undefined,
): Generator<EventChunk> {
  const values = format === 'lines' ? readLines(bytes) : readEvents(bytes);
  for (let start = 0; start < values.length; start += EVENT_CHUNK_MAX) {
    const chunk: EventChunk = { events: [], indexes: [], rejected: [] };
    const end = Math.min(values.length, start + EVENT_CHUNK_MAX);
    for (let index = start; index < end; index++) {
      const read = readEvent(values[index], customer);
      if (read instanceof WeirError) chunk.rejected.push(rejection(index, values[index], read));
      else {
        chunk.events.push(read);
        chunk.indexes.push(index);
      }
    }
    yield chunk;
  }
}

function readEvents(bytes: Uint8Array): unknown[] {
  const value = parseJson(bytes);
  const values: unknown[] = Array.isArray(value) ? value : [value];
  if (!Array.isArray(value) && (typeof value !== 'object' || value === null)) {
    throw new WeirError('invalid_request', 'the body must be an event or an array of events');
  }
  return bounded(values);
}

/** A line that is no JSON is a bad item, not a bad body: the lines around it are whole. */
function readLines(bytes: Uint8Array): unknown[] {
  const lines = decodeText(bytes)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return bounded(lines).map((line) => {
    try {
      return parseText(line);
    } catch (error) {
      return error;
    }
  });
}

function bounded<T>(values: T[]): T[] {
  if (values.length > EVENT_BATCH_MAX) {
    throw new WeirError('too_many_items', `${values.length} events; at most ${EVENT_BATCH_MAX}`);
  }
  return values;
}

/** One CloudEvent as the engine takes it, or why not. */
function readEvent(value: unknown, customer: string | undefined): EventInput | WeirError {
  if (value instanceof WeirError) return value;
  const parsed = eventSchema.safeParse(value);
  if (!parsed.success) return issueError(parsed.error.issues);
  const { id, source, type, subject, time, data, entity } = parsed.data;
  if (BASE64 in parsed.data) {
    return new WeirError('invalid_request', 'data_base64 is not supported: send "data" as an object', {
      field: BASE64,
    });
  }
  if (customer !== undefined && subject !== customer) {
    return new WeirError('forbidden', 'this key is bound to another customer', { field: 'subject' });
  }
  const happenedAtMs = typeof time === 'string' ? Date.parse(time) : undefined;
  // The ledger cannot hold an earlier one, and takes 0 for none.
  if (happenedAtMs !== undefined && !(happenedAtMs > 0)) {
    return new WeirError('invalid_request', 'time is no RFC 3339 time after the start of 1970', { field: 'time' });
  }
  return { id, source, type, customer: subject, entity, happenedAtMs, data: data ?? {} };
}

/** Why a body is refused that threads cannot hand to each other. */
export const tooDeep = (): WeirError => new WeirError('invalid_request', 'an event is nested too deeply');

function rejection(index: number, value: unknown, error: WeirError): RejectedEvent {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return {
    index,
    id: typeof id === 'string' ? id.slice(0, ID_CHARS_MAX) : null,
    code: error.code,
    message: error.message,
    ...(error.field === undefined ? {} : { field: error.field }),
  };
}

/** A batch of checks: each item is a request, or the error that it alone is answered with. */
export interface CheckBatch {
  readonly atomic: boolean;
  readonly items: (CheckRequest | ErrorBody)[];
}

const batchSchema = z.strictObject({ checks: z.array(z.unknown()).min(1), atomic: z.boolean().default(false) });

/** @throws WeirError invalid_json, unknown_field, invalid_request, too_many_items for the body as a whole. */
export function decodeChecks(bytes: Uint8Array, customer: string | undefined): CheckBatch {
  const scanned = scanChecks(asBuffer(bytes), CHECK_BATCH_MAX);
  if (scanned?.every((check) => customer === undefined || check.customer === customer)) {
    return { atomic: false, items: scanned };
  }
  const { checks, atomic } = validate(batchSchema, parseJson(bytes));
  if (checks.length > CHECK_BATCH_MAX) {
    const detail = `${checks.length} checks; at most ${CHECK_BATCH_MAX}`;
    throw new WeirError('too_many_items', detail, { field: 'checks' });
  }
  return { atomic, items: checks.map((value, index) => readCheck(value, index, customer)) };
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function readCheck(value: unknown, index: number, customer: string | undefined): CheckRequest | ErrorBody {
  const parsed = checkRequestSchema.safeParse(value);
  if (!parsed.success) return errorBody(issueError(parsed.error.issues, ['checks', index]));
  if (customer !== undefined && parsed.data.customer !== customer) {
    const field = `checks[${index}].customer`;
    return errorBody(new WeirError('forbidden', 'this key is bound to another customer', { field }));
  }
  return parsed.data;
}
