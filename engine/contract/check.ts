import { z } from 'zod';
import { ATOMIC_BATCH_MAX, CHECK_BATCH_MAX, DIMENSION_CHARS_MAX, DIMENSIONS_MAX } from './constants.js';
import { idSchema } from './ids.js';

/** Dimensions sent with a check: small text, kept on its fact. */
export const dimensionsSchema = z
  .record(idSchema, z.string().max(DIMENSION_CHARS_MAX))
  .refine((record) => Object.keys(record).length <= DIMENSIONS_MAX, `at most ${DIMENSIONS_MAX} dimensions`);

/** `POST /v1/check`. The amount is parsed by the meter's scale later (see parseAmount), so any JSON number or string passes here. */
export const checkRequestSchema = z.strictObject({
  customer: idSchema,
  feature: idSchema,
  amount: z.union([z.number(), z.string()]).default(1),
  entity: idSchema.optional(),
  id: idSchema.optional(),
  dryRun: z.boolean().default(false),
  dimensions: dimensionsSchema.optional(),
});
export type CheckRequest = z.output<typeof checkRequestSchema>;

/** `POST /v1/check/batch`: 1 to 1 000 checks, each decided on its own unless `atomic`. */
export const checkBatchRequestSchema = z.strictObject({
  checks: z.array(checkRequestSchema).min(1),
  atomic: z.boolean().default(false),
});
export type CheckBatchRequest = z.output<typeof checkBatchRequestSchema>;

export const CHECK_BATCH_BOUNDS = { each: CHECK_BATCH_MAX, atomic: ATOMIC_BATCH_MAX } as const;
