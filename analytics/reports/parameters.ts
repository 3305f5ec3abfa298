import { z } from 'zod';
import { idSchema, instantSchema, WeirError } from '../../engine/index.js';
import type { RequestContext } from '../../ingest/http/index.js';
import { FORMATS } from './output.js';

/** Parameters that several reports share; a query's values are text. */
const DAY_MS = 86_400_000;

export const formatParameter = z.enum(FORMATS).optional();
export const customerParameter = idSchema.optional();
/** An entity of the customer that is asked for; those below it count as well. */
export const entityParameter = idSchema.optional();
export const cursorParameter = z.string().max(2_048).optional();
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** An instant (RFC 3339), or a day as its beginning in UTC. Milliseconds since 1970. */
export const instantParameter = z
  .union([instantSchema, z.string().regex(DATE, 'must be an RFC 3339 time or a day such as 2026-11-01')])
  .transform((text) => Date.parse(text))
  .refine((ms) => ms >= 0, 'must not be before 1970')
  .optional();

/** How many rows an answer may have. */
export const limitParameter = (byDefault: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,7}$/, `must be a whole number from 1 to ${max}`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= max, `must be from 1 to ${max}`)
    .default(byDefault);

/** The customer that a request may see: the one its key is bound to, else the one it asks for; '' means all. */
export function visibleCustomer(context: Pick<RequestContext, 'key'>, asked: string | undefined): string {
  const bound = context.key?.customer;
  if (bound === undefined) return asked ?? '';
  if (asked !== undefined && asked !== bound) {
    throw new WeirError('forbidden', 'the key serves another customer', { field: 'customer' });
  }
  return bound;
}

/** @throws WeirError `invalid_request` for an entity without its customer: ids of entities are unique within one. */
export function assertEntityHasCustomer(entity: string | undefined, customer: string): void {
  if (entity !== undefined && customer === '') {
    throw new WeirError('invalid_request', 'entity needs its customer beside it', { field: 'customer' });
  }
}

/** [fromMs, toMs), by default the last `days` days up to now. @throws WeirError `invalid_period` when it is empty. */
export function rangeOf(fromMs: number | undefined, toMs: number | undefined, days: number, nowMs: number) {
  const endMs = toMs ?? nowMs + DAY_MS;
  const startMs = fromMs ?? Math.max(0, endMs - days * DAY_MS);
  if (!(startMs < endMs)) throw new WeirError('invalid_period', '"from" must be before "to"', { field: 'from' });
  return { fromMs: startMs, toMs: endMs };
}
