import { z } from 'zod';

/** Answers that several routes share, for the OpenAPI document. Amounts: a string where the meter has a scale. */

export const amountSchema = z.union([z.number(), z.string()]);

const limitSchema = z.union([
  z.object({
    kind: z.literal('quota'),
    included: amountSchema,
    used: amountSchema,
    reserved: amountSchema,
    overage: amountSchema,
    remaining: amountSchema,
    headroom: amountSchema.nullable(),
    resetAt: z.iso.datetime().nullable(),
  }),
  z.object({ kind: z.literal('bucket'), capacity: amountSchema, remaining: amountSchema }),
  z.object({ kind: z.literal('concurrency'), slots: z.int(), inUse: z.int(), remaining: z.int() }),
]);
export const limitsSchema = z.record(z.string(), limitSchema);

export const warningsSchema = z.array(z.object({ limit: z.string(), threshold: z.int() }));

export const decisionSchema = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  customer: z.string(),
  feature: z.string(),
  amount: amountSchema,
  remaining: amountSchema.nullable(),
  resetAt: z.iso.datetime().nullable(),
  retryAfterMs: z.int().nullable(),
  deniedBy: z.array(z.string()),
  shadowDeniedBy: z.array(z.string()).optional(),
  warnings: warningsSchema,
  replayed: z.boolean(),
  degraded: z.boolean(),
  version: z.int(),
  value: z.union([z.string(), z.number(), z.boolean()]).optional(),
  limits: limitsSchema,
});
