import { z } from 'zod';
import { isExactRate } from './amounts.js';
import { AMOUNT_MAX, DIMENSIONS_MAX, FEATURE_LIMITS_MAX, SCALE_MAX, WARN_AT_MAX } from './constants.js';
import { idSchema, instantSchema } from './ids.js';

/**
 * The catalog's shapes: the same in the entitlement file, in the API and in Redis.
 * Amounts of limits are whole numbers in the meter's smallest unit.
 */

const wholeAmount = z.int({ error: 'must be a whole number' }).min(0).max(AMOUNT_MAX);
const positiveAmount = z.int({ error: 'must be a whole number' }).min(1).max(AMOUNT_MAX);

export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
const timezoneSchema = z.string().max(64).refine(isTimezone, 'must be an IANA time zone such as Europe/Berlin');

/** A path into an event's `data`: `$.model` or `$.usage.total`. */
const pathSchema = z.string().regex(/^\$(\.[A-Za-z_][A-Za-z0-9_-]*){1,8}$/, 'must be a path such as $.totalTokens');

export const meterSchema = z
  .strictObject({
    id: idSchema,
    name: z.string().max(256).optional(),
    /** CloudEvents `type` whose events this meter counts. */
    eventType: idSchema,
    aggregation: z.enum(['sum', 'count', 'max', 'unique', 'latest', 'average']),
    /** Where the value stands in the event's data; not for `count`. */
    value: pathSchema.optional(),
    dimensions: z
      .record(idSchema, pathSchema)
      .refine((record) => Object.keys(record).length <= DIMENSIONS_MAX, `at most ${DIMENSIONS_MAX} dimensions`)
      .optional(),
    unit: z.string().max(64).optional(),
    /** Decimal places of the API's amounts; the engine counts in 10^−scale. */
    scale: z.int().min(0).max(SCALE_MAX).default(0),
  })
  .refine((meter) => (meter.aggregation === 'count') === (meter.value === undefined), {
    path: ['value'],
    message: 'is needed by every aggregation but count, which takes none',
  });
export type Meter = z.output<typeof meterSchema>;

export const featureSchema = z
  .strictObject({
    id: idSchema,
    name: z.string().max(256).optional(),
    kind: z.enum(['metered', 'boolean', 'config']),
    meter: idSchema.optional(),
  })
  .refine((feature) => (feature.kind === 'metered') === (feature.meter !== undefined), {
    path: ['meter'],
    message: 'is needed by a metered feature, and by no other',
  });
export type Feature = z.output<typeof featureSchema>;

export const windowSchema = z.strictObject({
  every: z.enum(['minute', 'hour', 'day', 'week', 'month', 'year', 'lifetime']),
  /** `subscription` means the customer's `startsAt`. */
  anchor: z.union([z.literal('subscription'), instantSchema]).optional(),
  timezone: timezoneSchema.optional(),
});
export type Window = z.output<typeof windowSchema>;

/** What a limit does while Redis cannot be reached; `allowUpTo` counts per limit, customer, gateway and outage. */
const onUnavailableSchema = z.union([z.enum(['deny', 'allow']), z.strictObject({ allowUpTo: wholeAmount })]);

const limitBase = {
  id: idSchema,
  /** Reported but never denying; charged only by what it would have admitted. */
  shadow: z.boolean().optional(),
  onUnavailable: onUnavailableSchema.optional(),
};

export const bucketSchema = z
  .strictObject({
    ...limitBase,
    kind: z.literal('bucket'),
    capacity: wholeAmount,
    refill: z.strictObject({ amount: positiveAmount, everyMs: positiveAmount }),
  })
  .refine((bucket) => isExactRate(bucket.refill.amount, bucket.refill.everyMs), {
    path: ['refill'],
    message: 'would not be exact: in lowest terms everyMs × (amount + 1) must not pass 9007199254740991',
  });
export type BucketLimit = z.output<typeof bucketSchema>;

export const quotaSchema = z.strictObject({
  ...limitBase,
  kind: z.literal('quota'),
  amount: wholeAmount,
  window: windowSchema,
  overage: z.union([z.enum(['deny', 'allow']), z.strictObject({ upTo: wholeAmount })]).optional(),
  /** Percents of the included amount at which a warning fires once per window. */
  warnAt: z
    .array(z.int().min(1).max(1_000))
    .max(WARN_AT_MAX)
    .refine((percents) => new Set(percents).size === percents.length, 'must not repeat a percent')
    .optional(),
});
export type QuotaLimit = z.output<typeof quotaSchema>;

export const limitSchema = z.discriminatedUnion('kind', [bucketSchema, quotaSchema]);
export type Limit = z.output<typeof limitSchema>;

const limitsSchema = z
  .array(limitSchema)
  .max(FEATURE_LIMITS_MAX)
  .superRefine((limits, context) => {
    const seen = new Set<string>();
    limits.forEach((limit, index) => {
      if (seen.has(limit.id)) {
        context.addIssue({ code: 'custom', path: [index, 'id'], message: `repeats the limit id ${limit.id}` });
      }
      seen.add(limit.id);
    });
  });

/** A config feature's value. */
export const configValueSchema = z.union([z.string().max(1_024), z.number(), z.boolean()]);
export type ConfigValue = z.output<typeof configValueSchema>;

/** What a plan grants of a metered feature; no limits means it is metered and never denied. */
const meteredGrantSchema = z.strictObject({ limits: limitsSchema.default([]) });
export const planSchema = z.strictObject({
  id: idSchema,
  name: z.string().max(256).optional(),
  /** Feature id → limits (metered), true or false (boolean), or a value (config). */
  features: z.record(idSchema, z.union([meteredGrantSchema, configValueSchema])).default({}),
});
export type Plan = z.output<typeof planSchema>;

/** What an add-on grants: more of a plan's quotas by limit id (`add`), further limits, or a feature's value. */
const addonGrantSchema = z.strictObject({
  add: z.record(idSchema, wholeAmount).optional(),
  limits: limitsSchema.default([]),
});
export const addonSchema = z.strictObject({
  id: idSchema,
  name: z.string().max(256).optional(),
  features: z.record(idSchema, z.union([addonGrantSchema, configValueSchema])).default({}),
});
export type Addon = z.output<typeof addonSchema>;

export const customerSchema = z
  .strictObject({
    id: idSchema,
    name: z.string().max(256).optional(),
    plan: idSchema,
    addons: z.array(idSchema).max(64).default([]),
    timezone: timezoneSchema.default('UTC'),
    startsAt: instantSchema.nullish(),
    endsAt: instantSchema.nullish(),
    status: z.enum(['active', 'suspended']).default('active'),
  })
  .refine(
    (customer) => !customer.startsAt || !customer.endsAt || Date.parse(customer.startsAt) < Date.parse(customer.endsAt),
    {
      path: ['endsAt'],
      message: 'must be after startsAt',
    },
  );
export type Customer = z.output<typeof customerSchema>;

/** The entitlement file: every section may be left out. */
export const catalogSchema = z.strictObject({
  meters: z.array(meterSchema).default([]),
  features: z.array(featureSchema).default([]),
  plans: z.array(planSchema).default([]),
  addons: z.array(addonSchema).default([]),
  customers: z.array(customerSchema).default([]),
});
export type CatalogDocument = z.output<typeof catalogSchema>;

export const scopeSchema = z.enum(['check', 'ingest', 'read', 'admin']);
export type Scope = z.output<typeof scopeSchema>;

/** A key as it is stored: its SHA-256 only, never the key. */
export const apiKeySchema = z.strictObject({
  id: idSchema,
  name: z.string().max(256).optional(),
  /** SHA-256 of the key, 64 hexadecimal digits. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(scopeSchema).min(1),
  /** When set, the key serves this customer only. */
  customer: idSchema.optional(),
  createdAt: instantSchema,
});
export type ApiKey = z.output<typeof apiKeySchema>;

/** The kinds of objects in the catalog, in the order in which one refers to the ones before it. */
export const OBJECT_TYPES = ['meter', 'feature', 'plan', 'addon', 'customer', 'key'] as const;
export type ObjectType = (typeof OBJECT_TYPES)[number];
