import { z } from 'zod';
import { errorBodySchema } from './error.js';

/**
 * The answers as a caller sees them (api.md). Loose: a newer server may say more, and a client must not break over it.
 * An amount is a number, or a string where its meter has a scale or it is past 2^53 − 1.
 */

export const amountSchema = z.union([z.number(), z.string()]);
export type Amount = z.output<typeof amountSchema>;

const quotaSchema = z.looseObject({
  kind: z.literal('quota'),
  included: amountSchema,
  used: amountSchema,
  reserved: amountSchema,
  overage: amountSchema,
  remaining: amountSchema,
  headroom: amountSchema.nullable(),
  resetAt: z.string().nullable(),
});
const bucketSchema = z.looseObject({ kind: z.literal('bucket'), capacity: amountSchema, remaining: amountSchema });
const concurrencySchema = z.looseObject({
  kind: z.literal('concurrency'),
  slots: z.number(),
  inUse: z.number(),
  remaining: z.number(),
});
export const limitStateSchema = z.discriminatedUnion('kind', [quotaSchema, bucketSchema, concurrencySchema]);
export type LimitAnswer = z.output<typeof limitStateSchema>;

export const checkAnswerSchema = z.looseObject({
  allowed: z.boolean(),
  /** `ok`, `overage`, `limit_exceeded`, `not_entitled`, … */
  reason: z.string(),
  customer: z.string(),
  feature: z.string(),
  amount: amountSchema,
  remaining: amountSchema.nullable(),
  resetAt: z.string().nullable(),
  retryAfterMs: z.number().nullable(),
  deniedBy: z.array(z.string()),
  shadowDeniedBy: z.array(z.string()).optional(),
  warnings: z.array(z.looseObject({ limit: z.string(), threshold: z.number() })),
  replayed: z.boolean(),
  degraded: z.boolean(),
  version: z.number(),
  value: z.union([z.string(), z.number(), z.boolean()]).optional(),
  limits: z.record(z.string(), limitStateSchema),
});
export type CheckAnswer = z.output<typeof checkAnswerSchema>;

/** A decision, and the hold where it is allowed. */
export const reserveAnswerSchema = checkAnswerSchema.extend({
  reservation: z.looseObject({ id: z.string(), amount: amountSchema, expiresAt: z.string() }).optional(),
});
export type ReserveAnswer = z.output<typeof reserveAnswerSchema>;

const holdAnswerSchema = z.looseObject({
  id: z.string(),
  /** True when this very call had been answered before. */
  replayed: z.boolean(),
  customer: z.string(),
  feature: z.string(),
  remaining: amountSchema.nullable(),
  resetAt: z.string().nullable(),
  warnings: z.array(z.looseObject({ limit: z.string(), threshold: z.number() })),
  limits: z.record(z.string(), limitStateSchema),
  version: z.number(),
});
export const commitAnswerSchema = holdAnswerSchema.extend({
  status: z.literal('committed'),
  /** It came after the hold had expired. */
  late: z.boolean(),
  /** It was more than was held. */
  overrun: z.boolean(),
  amount: amountSchema,
});
export type CommitAnswer = z.output<typeof commitAnswerSchema>;
export const releaseAnswerSchema = holdAnswerSchema.extend({ status: z.literal('released') });
export type ReleaseAnswer = z.output<typeof releaseAnswerSchema>;
export const heartbeatAnswerSchema = holdAnswerSchema.extend({ status: z.literal('held'), expiresAt: z.string() });
export type HeartbeatAnswer = z.output<typeof heartbeatAnswerSchema>;

/** One item of a batch: a decision, or the error of this item alone. */
export const checkResultSchema = z.union([checkAnswerSchema, errorBodySchema]);
export type CheckResult = z.output<typeof checkResultSchema>;
export const checkBatchAnswerSchema = z.looseObject({ results: z.array(checkResultSchema) });

export const rejectedEventSchema = z.looseObject({
  /** Place among the events sent. */
  index: z.number(),
  id: z.string().nullable(),
  code: z.string(),
  message: z.string(),
  field: z.string().optional(),
});
export type RejectedEvent = z.output<typeof rejectedEventSchema>;

export const eventsAnswerSchema = z.looseObject({
  accepted: z.number(),
  duplicates: z.number(),
  rejected: z.array(rejectedEventSchema),
  /** True when Redis was away and some are kept on the gateway's disk. */
  degraded: z.boolean().optional(),
});

export const portalLinkSchema = z.looseObject({ url: z.string(), expiresAt: z.string() });
export type PortalLinkAnswer = z.output<typeof portalLinkSchema>;

/** An event taken back: what its facts were corrected by, and what each limit stands at since. */
export const voidAnswerSchema = z.looseObject({
  customer: z.string(),
  source: z.string(),
  id: z.string(),
  entity: z.string().optional(),
  reason: z.string(),
  actor: z.string(),
  voidedAt: z.string(),
  /** True when it had been taken back before: this is the first answer again. */
  replayed: z.boolean(),
  facts: z.array(
    z.looseObject({
      feature: z.string().optional(),
      meter: z.string(),
      /** Negative. */
      amount: amountSchema,
      happenedAt: z.string(),
      chargedAt: z.string(),
      /** A quota's `used` is null where its window is no longer kept, or the limit is gone. */
      limits: z.record(
        z.string(),
        z.looseObject({
          windowStart: z.string().optional(),
          used: amountSchema.nullable().optional(),
          remaining: amountSchema.optional(),
        }),
      ),
    }),
  ),
});
export type VoidAnswer = z.output<typeof voidAnswerSchema>;

export const customerUsageSchema = z.looseObject({
  customer: z.string(),
  version: z.number(),
  features: z.record(z.string(), z.looseObject({ limits: z.record(z.string(), limitStateSchema) })),
});
export type CustomerUsage = z.output<typeof customerUsageSchema>;

export const entitlementsSchema = z.looseObject({
  customer: z.string(),
  version: z.number(),
  plan: z.string(),
  status: z.string(),
  startsAt: z.string().nullable(),
  endsAt: z.string().nullable(),
  features: z.record(z.string(), z.looseObject({ kind: z.string(), entitled: z.boolean() })),
});
export type Entitlements = z.output<typeof entitlementsSchema>;

export const readinessSchema = z.looseObject({ ready: z.boolean(), problems: z.array(z.string()) });
export type ReadinessAnswer = z.output<typeof readinessSchema>;
