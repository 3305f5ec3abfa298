import type { Addon, ConfigValue, Customer, Feature, Limit, Meter, Plan } from '../contract/catalog.js';
import { AMOUNT_MAX, FEATURE_LIMITS_MAX } from '../contract/constants.js';
import type { CustomerClass } from './classes.js';
import type { Problem } from './problems.js';

/**
 * What must hold between objects: references, grants that fit their feature, and limits that still hold with every
 * combination of add-ons a customer has. Pure; the paths of problems are within the object or the customer.
 */

export interface Definitions {
  readonly meters: ReadonlyMap<string, Meter>;
  readonly features: ReadonlyMap<string, Feature>;
  readonly plans: ReadonlyMap<string, Plan>;
  readonly addons: ReadonlyMap<string, Addon>;
  /** `type:id` of objects with faults of their own: known, but nothing is said about them twice. */
  readonly broken?: ReadonlySet<string>;
}

type PlanGrant = Plan['features'][string];
type AddonGrant = Addon['features'][string];

const quoted = (id: string): string => JSON.stringify(id);
const isBroken = (definitions: Definitions, type: string, id: string): boolean =>
  definitions.broken?.has(`${type}:${id}`) === true;

export function checkFeature(definitions: Definitions, feature: Feature): Problem[] {
  const { meter } = feature;
  if (meter === undefined || definitions.meters.has(meter) || isBroken(definitions, 'meter', meter)) return [];
  return [{ path: ['meter'], message: `there is no meter ${quoted(meter)}` }];
}

export function checkPlan(definitions: Definitions, plan: Pick<Plan, 'features'>): Problem[] {
  return Object.entries(plan.features).flatMap(([id, grant]) => {
    const path = ['features', id];
    const feature = definitions.features.get(id);
    if (feature === undefined) return unknownFeature(definitions, path, id);
    const limits = typeof grant === 'object' ? grant.limits : [];
    return [
      ...checkShape(path, feature, grant),
      ...checkMeter(definitions, path, feature, limits.length > 0),
      ...limits.flatMap((limit, index) => checkHard([...path, 'limits', index, 'overage', 'upTo'], limit, 0)),
    ];
  });
}

export function checkAddon(definitions: Definitions, addon: Addon): Problem[] {
  return Object.entries(addon.features).flatMap(([id, grant]) => {
    const path = ['features', id];
    const feature = definitions.features.get(id);
    if (feature === undefined) return unknownFeature(definitions, path, id);
    const limits = typeof grant === 'object' ? grant.limits : [];
    const added = typeof grant === 'object' ? Object.keys(grant.add ?? {}) : [];
    return [
      ...checkShape(path, feature, grant),
      ...checkMeter(definitions, path, feature, limits.length + added.length > 0),
      ...limits.flatMap((limit, index) => checkHard([...path, 'limits', index, 'overage', 'upTo'], limit, 0)),
      ...added.flatMap((limit) => checkAdded(definitions, [...path, 'add', limit], id, limit)),
    ];
  });
}

/**
 * What a customer has of its own: entities, whose features are metered and whose limits count exactly, and grants, each
 * of a quota that some plan or add-on has.
 */
export function checkOwned(definitions: Definitions, { entities = [], grants = [] }: Customer): Problem[] {
  return [
    ...entities.flatMap((entity, index) => within(['entities', index], checkPlan(definitions, entity))),
    ...grants.flatMap(({ feature, limit }, index) =>
      within(
        ['grants', index],
        definitions.features.has(feature)
          ? checkAdded(definitions, ['limit'], feature, limit)
          : unknownFeature(definitions, ['feature'], feature),
      ),
    ),
  ];
}

const within = (place: readonly PropertyKey[], problems: readonly Problem[]): Problem[] =>
  problems.map(({ path, message }) => ({ path: [...place, ...path], message }));

function unknownFeature(definitions: Definitions, path: readonly PropertyKey[], id: string): Problem[] {
  return isBroken(definitions, 'feature', id) ? [] : [{ path, message: `there is no feature ${quoted(id)}` }];
}

function checkShape(path: readonly PropertyKey[], feature: Feature, grant: PlanGrant | AddonGrant): Problem[] {
  const name = `feature ${quoted(feature.id)} is ${feature.kind}`;
  switch (feature.kind) {
    case 'metered':
      return typeof grant === 'object' ? [] : [{ path, message: `${name}: it takes { limits }, not a value` }];
    case 'boolean':
      return typeof grant === 'boolean' ? [] : [{ path, message: `${name}: it takes true or false` }];
    case 'config':
      return typeof grant !== 'object' ? [] : [{ path, message: `${name}: it takes a text, a number, true or false` }];
  }
}

function checkMeter(
  definitions: Definitions,
  path: readonly PropertyKey[],
  feature: Feature,
  limited: boolean,
): Problem[] {
  const meter = feature.meter === undefined ? undefined : definitions.meters.get(feature.meter);
  if (!limited || meter === undefined || meter.aggregation === 'sum' || meter.aggregation === 'count') return [];
  const message = `limits need a meter that sums or counts; meter ${quoted(meter.id)} of the feature has aggregation ${meter.aggregation}`;
  return [{ path, message }];
}

/** A cap past 2^53 − 1 could not be counted up to exactly. */
function checkHard(path: readonly PropertyKey[], limit: Limit, added: number): Problem[] {
  if (limit.kind !== 'quota' || typeof limit.overage !== 'object') return [];
  if (limit.amount + added + limit.overage.upTo <= AMOUNT_MAX) return [];
  return [{ path, message: `amount and overage of limit ${quoted(limit.id)} together pass ${AMOUNT_MAX}` }];
}

function checkAdded(
  definitions: Definitions,
  path: readonly PropertyKey[],
  feature: string,
  limitId: string,
): Problem[] {
  let found: Limit | undefined;
  for (const { features } of [...definitions.plans.values(), ...definitions.addons.values()]) {
    const grant = features[feature];
    const limit = typeof grant === 'object' ? grant.limits.find(({ id }) => id === limitId) : undefined;
    if (limit?.kind === 'quota') return [];
    found ??= limit;
  }
  if ([...(definitions.broken ?? [])].some((key) => key.startsWith('plan:') || key.startsWith('addon:'))) return [];
  if (found !== undefined)
    return [{ path, message: `limit ${quoted(limitId)} is no quota: only quotas can be added to` }];
  return [{ path, message: `no plan or add-on has a limit ${quoted(limitId)} for feature ${quoted(feature)}` }];
}

/** Where a problem of a class stands in each of its customers. */
export function checkClass(definitions: Definitions, customerClass: CustomerClass): Problem[] {
  const problems: Problem[] = [];
  const plan = definitions.plans.get(customerClass.plan);
  if (plan === undefined && !isBroken(definitions, 'plan', customerClass.plan)) {
    problems.push({ path: ['plan'], message: `there is no plan ${quoted(customerClass.plan)}` });
  }
  const addons: Addon[] = [];
  customerClass.addons.forEach((id, index) => {
    const addon = definitions.addons.get(id);
    if (addon !== undefined) addons.push(addon);
    else if (!isBroken(definitions, 'addon', id)) {
      problems.push({ path: ['addons', index], message: `there is no add-on ${quoted(id)}` });
    }
  });
  const features = new Set([plan, ...addons].flatMap((object) => Object.keys(object?.features ?? {})));
  for (const feature of features) {
    problems.push(...checkTogether(feature, plan, addons, customerClass.hasStart));
  }
  return problems;
}

/** The limits of one feature, of a plan and its add-ons together. */
function checkTogether(
  feature: string,
  plan: Plan | undefined,
  addons: readonly Addon[],
  hasStart: boolean,
): Problem[] {
  const problems: Problem[] = [];
  const path = addons.length > 0 ? ['addons'] : ['plan'];
  const grants = [plan, ...addons].map((object): PlanGrant | AddonGrant | undefined => object?.features[feature]);
  const limits = grants.flatMap((grant) => (isLimits(grant) ? grant.limits : []));
  const added = new Map<string, number>();
  for (const addon of addons) {
    const grant = addon.features[feature];
    if (typeof grant !== 'object') continue;
    for (const [id, amount] of Object.entries(grant.add ?? {})) added.set(id, (added.get(id) ?? 0) + amount);
  }
  const seen = new Set<string>();
  for (const limit of limits) {
    const name = `limit ${quoted(limit.id)} of feature ${quoted(feature)}`;
    if (seen.has(limit.id)) problems.push({ path, message: `the plan and the add-ons together bring ${name} twice` });
    seen.add(limit.id);
    if (limit.kind !== 'quota') continue;
    // Sums of doubles past 2^53 may be off by some units, never so far as to look small again.
    if (limit.amount + (added.get(limit.id) ?? 0) > AMOUNT_MAX) {
      problems.push({ path, message: `${name} passes ${AMOUNT_MAX} with the add-ons` });
    } else if (added.has(limit.id)) {
      problems.push(...checkHard(path, limit, added.get(limit.id) ?? 0));
    }
    if (limit.window.anchor === 'subscription' && !hasStart) {
      problems.push({
        path: ['startsAt'],
        message: `is needed: the window of ${name} is anchored to the subscription`,
      });
    }
  }
  if (limits.length > FEATURE_LIMITS_MAX) {
    const message = `feature ${quoted(feature)} has ${limits.length} limits with the add-ons; ${FEATURE_LIMITS_MAX} is the most`;
    problems.push({ path, message });
  }
  return problems;
}

const isLimits = (grant: PlanGrant | AddonGrant | undefined): grant is Exclude<PlanGrant | AddonGrant, ConfigValue> =>
  typeof grant === 'object';
