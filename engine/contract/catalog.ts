import { z } from 'zod';
import { isExactRate } from './amounts.js';
import {
  AMOUNT_MAX,
  DIMENSIONS_MAX,
  ENTITIES_MAX,
  ENTITY_DEPTH_MAX,
  FEATURE_LIMITS_MAX,
  GRANTS_MAX,
  SCALE_MAX,
  WARN_AT_MAX,
} from './constants.js';
import { idSchema, instantSchema } from './ids.js';

/**
 * The catalog's shapes: the same in the entitlement file, in the API and in Redis.
 * Amounts of limits are whole numbers in the meter's smallest unit.
 */

const wholeAmount = z.int({ error: 'must be a whole number' }).min(0).max(AMOUNT_MAX);
const positiveAmount = z.int({ error: 'must be a whole number' }).min(1).max(AMOUNT_MAX);

/** Asking Intl costs 200 µs, and catalogs name few zones. */
const knownTimezones = new Map<string, boolean>();
const KNOWN_TIMEZONES_MAX = 2_000;

export function isTimezone(name: string): boolean {
  const known = knownTimezones.get(name);
  if (known !== undefined) return known;
  let valid = true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    valid = false;
  }
  if (knownTimezones.size < KNOWN_TIMEZONES_MAX) knownTimezones.set(name, valid);
  return valid;
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

export type OnUnavailable = z.output<typeof onUnavailableSchema>;

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

/** Holds open at the same time: floating seats, parallel calls. A reservation takes one slot, whatever its amount. */
export const concurrencySchema = z.strictObject({
  ...limitBase,
  kind: z.literal('concurrency'),
  slots: wholeAmount,
});
export type ConcurrencyLimit = z.output<typeof concurrencySchema>;

export const limitSchema = z.discriminatedUnion('kind', [bucketSchema, quotaSchema, concurrencySchema]);
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

/** Someone or something below a customer (team, user, API key) with limits of its own on metered features. */
export const entitySchema = z.strictObject({
  id: idSchema,
  name: z.string().max(256).optional(),
  /** The entity above; left out, the customer itself. */
  parent: idSchema.optional(),
  features: z.record(idSchema, meteredGrantSchema).default({}),
});
export type Entity = z.output<typeof entitySchema>;

/** The entities from the top down to one of them; null where it is unknown, or its parents go in a circle or too deep. */
export function entityPath(entities: readonly Entity[], id: string): Entity[] | null {
  const path: Entity[] = [];
  for (let next: string | undefined = id; next !== undefined; ) {
    const entity: Entity | undefined = entities.find((each) => each.id === next);
    if (entity === undefined || path.length === ENTITY_DEPTH_MAX) return null;
    path.unshift(entity);
    next = entity.parent;
  }
  return path;
}

const entitiesSchema = z
  .array(entitySchema)
  .max(ENTITIES_MAX)
  .superRefine((entities, context) => {
    const byId = new Map(entities.map((entity) => [entity.id, entity]));
    for (const [index, entity] of entities.entries()) {
      const fault = parentFault(entity, byId);
      if (byId.get(entity.id) !== entity) {
        context.addIssue({ code: 'custom', path: [index, 'id'], message: `repeats the entity ${entity.id}` });
      }
      if (fault !== null) context.addIssue({ code: 'custom', path: [index, 'parent'], message: fault });
    }
  });

function parentFault(entity: Entity, byId: ReadonlyMap<string, Entity>): string | null {
  let { parent } = entity;
  for (let depth = 1; parent !== undefined; depth++) {
    if (depth === ENTITY_DEPTH_MAX) return `is more than ${ENTITY_DEPTH_MAX} deep, or goes in a circle`;
    const above = byId.get(parent);
    if (above === undefined) return `${parent} is no entity of this customer`;
    parent = above.parent;
  }
  return null;
}

/** More of one quota for one customer, for good or for a time: half-open [startsAt, endsAt). */
export const grantSchema = z
  .strictObject({
    id: idSchema,
    feature: idSchema,
    /** A quota of the customer's own. */
    limit: idSchema,
    amount: positiveAmount,
    startsAt: instantSchema.nullish(),
    endsAt: instantSchema.nullish(),
    reason: z.string().max(1_024).optional(),
  })
  .refine((grant) => !grant.startsAt || !grant.endsAt || Date.parse(grant.startsAt) < Date.parse(grant.endsAt), {
    path: ['endsAt'],
    message: 'must be after startsAt',
  });
export type CustomerGrant = z.output<typeof grantSchema>;

const grantsSchema = z
  .array(grantSchema)
  .max(GRANTS_MAX)
  .superRefine((grants, context) => {
    grants.forEach(({ id }, index) => {
      if (grants.findIndex((grant) => grant.id === id) === index) return;
      context.addIssue({ code: 'custom', path: [index, 'id'], message: `repeats the grant id ${id}` });
    });
  });

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
    entities: entitiesSchema.optional(),
    grants: grantsSchema.optional(),
  })
  .refine(
    (customer) => !customer.startsAt || !customer.endsAt || Date.parse(customer.startsAt) < Date.parse(customer.endsAt),
    {
      path: ['endsAt'],
      message: 'must be after startsAt',
    },
  );
export type Customer = z.output<typeof customerSchema>;

/** What a customer is decided by: all but who it is. Customers of one plan mostly share it. */
export type CustomerTerms = Omit<Customer, 'id' | 'name'>;

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
