import { z } from 'zod';
import { VOID_REASON_CHARS_MAX } from './constants.js';
import { idSchema } from './ids.js';

const REASON = `must be text of 1 to ${VOID_REASON_CHARS_MAX} printable characters`;

/** `POST /v1/events/void`: takes an event back. `source` is that of the event, `weir` where it named none. */
export const voidRequestSchema = z.strictObject({
  customer: idSchema,
  source: idSchema.default('weir'),
  id: idSchema,
  /** Why, for whoever reads the ledger. */
  reason: z
    .string()
    .trim()
    .min(1, REASON)
    .max(VOID_REASON_CHARS_MAX, REASON)
    .regex(/^[^\p{Cc}]+$/u, REASON),
});
export type VoidRequest = z.output<typeof voidRequestSchema>;

/**
 * What a void's facts say of themselves, among their dimensions: why, who asked, and which charge they take back. The
 * other dimensions are those of the event, so that sums by dimension are right as well.
 */
export const VOID_REASON = 'void:reason';
export const VOID_ACTOR = 'void:actor';
export const VOID_CHARGE = 'void:charge';
