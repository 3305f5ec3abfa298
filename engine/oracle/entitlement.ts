import {
  type Addon,
  type Customer,
  type Entity,
  entityPath,
  type Feature,
  type Limit,
  type Meter,
  type Plan,
} from '../contract/catalog.js';
import { AMOUNT_MAX } from '../contract/constants.js';
import { NEVER_MS } from '../limits/window.js';
import type { EventAsk, EventPart, Grant, Rule, Scope } from './reply.js';

/** The catalog in force, by id. */
export interface CatalogInForce {
  readonly meters: ReadonlyMap<string, Meter>;
  readonly features: ReadonlyMap<string, Feature>;
  readonly plans: ReadonlyMap<string, Plan>;
  readonly addons: ReadonlyMap<string, Addon>;
  readonly customers: ReadonlyMap<string, Customer>;
}

/** What a customer may use: status, validity, the plan's limits with its add-ons', then those of the entities, at an instant. */
export function scopeOf(catalog: CatalogInForce, customerId: string, atMs: number): Scope {
  const customer = catalog.customers.get(customerId);
  return {
    holder: { timezone: customer?.timezone ?? 'UTC', startsAt: customer?.startsAt },
    grant: (feature, entity) => grantOf(catalog, customer, feature, entity, atMs),
    parts: (event) => partsOf(catalog, customer, event, atMs),
  };
}

const refusedGrant = (refusal: Grant['refusal'], meter = ''): Grant => ({
  refusal,
  free: false,
  startsAtMs: Number.NEGATIVE_INFINITY,
  endsAtMs: NEVER_MS,
  meter,
  rules: [],
});

function grantOf(
  catalog: CatalogInForce,
  customer: Customer | undefined,
  featureId: string,
  entity: string | undefined,
  atMs: number,
): Grant | null {
  if (customer === undefined) return refusedGrant('unknown_customer');
  const feature = catalog.features.get(featureId);
  if (feature === undefined) return refusedGrant('unknown_feature');
  const path = entity === undefined ? [] : entityPath(customer.entities ?? [], entity);
  if (path === null) return null;
  const rules = rulesOf(catalog, customer, featureId, path, atMs);
  const isFree = feature.kind !== 'metered' && isGranted(catalog, customer, featureId);
  const isEntitled = feature.kind === 'metered' ? rules !== null : isFree;
  const suspension = customer.status === 'suspended' ? 'suspended' : null;
  return {
    refusal: suspension ?? (isEntitled ? null : 'not_entitled'),
    free: isFree,
    startsAtMs: customer.startsAt ? Date.parse(customer.startsAt) : Number.NEGATIVE_INFINITY,
    endsAtMs: customer.endsAt ? Date.parse(customer.endsAt) : NEVER_MS,
    meter: feature.meter ?? '',
    rules: rules ?? [],
  };
}

const addonsOf = (catalog: CatalogInForce, customer: Customer): Addon[] =>
  customer.addons.flatMap((id) => catalog.addons.get(id) ?? []);

/** A boolean or config feature: the last add-on that has a value decides, else the plan. */
function isGranted(catalog: CatalogInForce, customer: Customer, feature: string): boolean {
  const values = [catalog.plans.get(customer.plan), ...addonsOf(catalog, customer)].map(
    (grants) => grants?.features[feature],
  );
  const value = values.filter((each) => each !== undefined && typeof each !== 'object').at(-1);
  return value !== undefined && value !== false;
}

/** Null where neither the plan nor an add-on grants the feature. */
function rulesOf(
  catalog: CatalogInForce,
  customer: Customer,
  feature: string,
  path: readonly Entity[],
  atMs: number,
): Rule[] | null {
  const own = catalog.plans.get(customer.plan)?.features[feature];
  const grants = addonsOf(catalog, customer).flatMap((addon) => {
    const grant = addon.features[feature];
    return typeof grant === 'object' ? [grant] : [];
  });
  if (typeof own !== 'object' && grants.length === 0) return null;
  const limits: Limit[] = typeof own === 'object' ? [...own.limits] : [];
  for (const limit of grants.flatMap((grant) => grant.limits)) {
    if (!limits.some(({ id }) => id === limit.id)) limits.push(limit);
  }
  const rules = limits.map((limit) => {
    const added = grants.reduce(
      (sum, grant) => sum + (grant.add?.[limit.id] ?? 0),
      grantedOf(customer, feature, limit.id, atMs),
    );
    const amount = limit.kind === 'quota' ? Math.min(AMOUNT_MAX, limit.amount + added) : 0;
    return ruleOf(feature, '', limit.kind === 'quota' ? { ...limit, amount } : limit);
  });
  return [
    ...rules,
    ...path.flatMap(({ id, features }) => (features[feature]?.limits ?? []).map((limit) => ruleOf(feature, id, limit))),
  ];
}

/** What the customer's grants add to a limit at an instant. */
const grantedOf = (customer: Customer, feature: string, limit: string, atMs: number): number =>
  (customer.grants ?? [])
    .filter((grant) => grant.feature === feature && grant.limit === limit)
    .filter(({ startsAt }) => !startsAt || Date.parse(startsAt) <= atMs)
    .filter(({ endsAt }) => !endsAt || atMs < Date.parse(endsAt))
    .reduce((sum, { amount }) => sum + amount, 0);

const ruleOf = (feature: string, entity: string, limit: Limit): Rule => ({
  key: JSON.stringify([feature, entity, limit.id]),
  name: entity === '' ? limit.id : `${entity}/${limit.id}`,
  limit,
});

/** One part per meter of the event's type and granted feature on it, whatever the customer's status. */
function partsOf(
  catalog: CatalogInForce,
  customer: Customer | undefined,
  event: EventAsk,
  atMs: number,
): EventPart[] | string {
  if (customer === undefined) return 'unknown_customer';
  const path = event.entity === undefined ? [] : entityPath(customer.entities ?? [], event.entity);
  if (path === null) return 'unknown_entity';
  const meters = [...catalog.meters.values()].filter(({ eventType }) => eventType === event.type);
  if (meters.length === 0) return 'unknown_event_type';
  const parts: EventPart[] = [];
  for (const meter of meters) {
    const amount = meter.value === undefined ? 1 : event.data[meter.value.slice('$.'.length)];
    if (amount === undefined) return 'missing_value';
    const backsLimits = meter.aggregation === 'sum' || meter.aggregation === 'count';
    const charged = [...catalog.features.values()].flatMap((feature) => {
      if (!backsLimits || feature.meter !== meter.id) return [];
      const rules = rulesOf(catalog, customer, feature.id, path, atMs);
      return rules === null ? [] : [{ meter: meter.id, feature: feature.id, amount, rules }];
    });
    parts.push(...(charged.length === 0 ? [{ meter: meter.id, feature: '', amount, rules: [] }] : charged));
  }
  return parts;
}
