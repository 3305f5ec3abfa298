import { z } from 'zod';
import { RESERVATION_TTL_MS_DEFAULT, RESERVATION_TTL_MS_MAX } from './constants.js';
import { idSchema } from './ids.js';

/** How long a hold lasts from now, by Redis's clock. */
const TTL_MS = `must be a whole number of milliseconds from 1 to ${RESERVATION_TTL_MS_MAX} (24 hours)`;
const ttlMsSchema = z.int(TTL_MS).min(1, TTL_MS).max(RESERVATION_TTL_MS_MAX, TTL_MS);

/** Parsed by the meter's scale later (see parseAmount), so any JSON number or string passes here. */
const amountSchema = z.union([z.number(), z.string()]);

/** `POST /v1/reservations`. Without an id the gateway makes one, and says it in the answer. */
export const reserveRequestSchema = z.strictObject({
  id: idSchema.optional(),
  customer: idSchema,
  feature: idSchema,
  amount: amountSchema,
  ttlMs: ttlMsSchema.default(RESERVATION_TTL_MS_DEFAULT),
  entity: idSchema.optional(),
});

/** `POST /v1/reservations/{id}/commit`: what was used, more or less than was held. */
export const commitRequestSchema = z.strictObject({ customer: idSchema, amount: amountSchema });

/** `POST /v1/reservations/{id}/release`. */
export const releaseRequestSchema = z.strictObject({ customer: idSchema });

/** `POST /v1/reservations/{id}/heartbeat`: the hold lasts another ttl from now. */
export const heartbeatRequestSchema = z.strictObject({ customer: idSchema, ttlMs: ttlMsSchema });
