import { z } from 'zod';
import {
  type CatalogView,
  type Customer,
  type Feature,
  formatAmount,
  Resolver,
  type Rule,
  WeirError,
} from '../../engine/index.js';
import { assertCustomer, type Route } from '../../ingest/http/index.js';

/**
 * All that the catalog says of one customer, as the customer's page shows it: names, terms, and every limit with what
 * add-ons added and with its window resolved to the customer's zone and anchor. One answer instead of a dozen calls of
 * the catalog's API, and by the engine's own resolver, so that the page shows the limits that decide.
 */

const amountSchema = z.union([z.number(), z.string()]);
const namedSchema = z.object({ id: z.string(), name: z.string() });
const limitSchema = z.discriminatedUnion('kind', [
  z.object({
    id: z.string(),
    kind: z.literal('quota'),
    included: amountSchema,
    /** Null when nothing caps it. */
    hard: amountSchema.nullable(),
    shadow: z.boolean(),
    warnAt: z.array(z.number()),
    window: z.object({ every: z.string(), anchorMs: z.number().nullable(), timezone: z.string() }),
  }),
  z.object({
    id: z.string(),
    kind: z.literal('bucket'),
    capacity: amountSchema,
    refill: z.object({ amount: amountSchema, everyMs: z.number() }),
    shadow: z.boolean(),
  }),
  z.object({ id: z.string(), kind: z.literal('concurrency'), slots: z.number(), shadow: z.boolean() }),
]);
const sheetSchema = z.object({
  id: z.string(),
  name: z.string(),
  version: z.int(),
  status: z.string(),
  plan: namedSchema,
  addons: z.array(namedSchema),
  /** Those that stand or are to come. */
  grants: z.array(
    z.object({
      feature: z.string(),
      limit: z.string(),
      amount: amountSchema,
      startsAt: z.string().nullable(),
      endsAt: z.string().nullable(),
    }),
  ),
  timezone: z.string(),
  startsAt: z.string().nullable(),
  endsAt: z.string().nullable(),
  features: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      kind: z.enum(['metered', 'boolean', 'config']),
      entitled: z.boolean(),
      value: z.union([z.string(), z.number(), z.boolean()]).optional(),
      meter: z.object({ id: z.string(), name: z.string(), unit: z.string(), summed: z.boolean() }).optional(),
      limits: z.array(limitSchema),
    }),
  ),
});
type Sheet = z.output<typeof sheetSchema>;
type SheetFeature = Sheet['features'][number];

/** `GET /v1/console/customers/:id` */
export function customerSheetRoute(catalog: CatalogView, nowMs: () => number = Date.now): Route {
  const resolver = new Resolver(catalog);
  return {
    method: 'GET',
    path: '/v1/console/customers/:id',
    scope: 'read',
    summary: 'What the catalog says of one customer, for the console',
    hidden: true,
    response: sheetSchema,
    handle: async (context) => {
      const id = context.params.id ?? '';
      assertCustomer(context.key, id);
      const customer = catalog.customer(id) ?? (await catalog.loadCustomer(id));
      if (customer === null) throw new WeirError('unknown_customer', JSON.stringify(id));
      return { status: 200, json: sheetOf(catalog, resolver, customer, nowMs()) };
    },
  };
}

/** The sheet of a customer that the catalog has. */
export function sheetOf(catalog: CatalogView, resolver: Resolver, customer: Customer, nowMs: number): Sheet {
  const { id, plan, addons, timezone, status, startsAt, endsAt } = customer;
  return {
    id,
    name: customer.name ?? id,
    version: catalog.version,
    status,
    plan: { id: plan, name: catalog.plan(plan)?.name ?? plan },
    addons: addons.map((addon) => ({ id: addon, name: catalog.addon(addon)?.name ?? addon })),
    grants: grantsOf(catalog, customer, nowMs),
    timezone,
    startsAt: startsAt ?? null,
    endsAt: endsAt ?? null,
    features: [...catalog.features()].map((feature) => featureOf(catalog, resolver, customer, feature, nowMs)),
  };
}

/** Without their reasons, which are the operator's. */
const grantsOf = (catalog: CatalogView, { grants = [] }: Customer, nowMs: number): Sheet['grants'] =>
  grants
    .filter(({ endsAt }) => !endsAt || nowMs < Date.parse(endsAt))
    .map(({ feature, limit, amount, startsAt = null, endsAt = null }) => ({
      feature: catalog.feature(feature)?.name ?? feature,
      limit,
      amount: formatAmount(amount, catalog.meter(catalog.feature(feature)?.meter ?? '')?.scale ?? 0),
      startsAt,
      endsAt,
    }));

function featureOf(
  catalog: CatalogView,
  resolver: Resolver,
  customer: Customer,
  feature: Feature,
  nowMs: number,
): SheetFeature {
  const { id, kind } = feature;
  const base = { id, name: feature.name ?? id, kind, limits: [] };
  const access = resolver.access(customer.id, id, nowMs);
  // Undefined when the cache dropped the customer meanwhile: a view bound to hold what it has just loaded does not.
  if (access === undefined) return { ...base, entitled: false };
  const meter = feature.meter === undefined ? undefined : catalog.meter(feature.meter);
  const grants = [catalog.plan(customer.plan), ...customer.addons.map((addon) => catalog.addon(addon))];
  return {
    ...base,
    // By what was granted, whatever the status: the gate of a suspended customer says no more than that.
    entitled:
      kind === 'metered'
        ? grants.some((grant) => typeof grant?.features[id] === 'object')
        : access.value !== undefined && access.value !== false,
    ...(access.value === undefined ? {} : { value: access.value }),
    ...(meter === undefined ? {} : { meter: meterOf(meter) }),
    limits: access.set.rules.map((rule) => limitOf(rule, access.scale)),
  };
}

const meterOf = (meter: { id: string; name?: string | undefined; unit?: string | undefined; aggregation: string }) => ({
  id: meter.id,
  name: meter.name ?? meter.id,
  unit: meter.unit ?? '',
  /** Sums and counts add up over time; a maximum or an average does not. */
  summed: meter.aggregation === 'sum' || meter.aggregation === 'count',
});

function limitOf(rule: Rule, scale: number): SheetFeature['limits'][number] {
  const { name: id, shadow } = rule;
  switch (rule.kind) {
    case 'bucket': {
      const refill = { amount: formatAmount(rule.amount, scale), everyMs: rule.everyMs };
      return { id, kind: rule.kind, capacity: formatAmount(rule.capacity, scale), refill, shadow };
    }
    case 'concurrency':
      return { id, kind: rule.kind, slots: rule.slots, shadow };
    case 'quota':
      return {
        id,
        kind: rule.kind,
        included: formatAmount(rule.included, scale),
        hard: rule.hard === null ? null : formatAmount(rule.hard, scale),
        shadow,
        warnAt: [...rule.percents],
        window: rule.window,
      };
  }
}
