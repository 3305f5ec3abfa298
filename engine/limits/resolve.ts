import type { CatalogView } from '../catalog/types.js';
import {
  type Addon,
  type ConfigValue,
  type CustomerTerms,
  entityPath,
  type Feature,
  type Limit,
  type Meter,
  type Plan,
} from '../contract/catalog.js';
import { AMOUNT_MAX } from '../contract/constants.js';
import { WeirError } from '../contract/errors.js';
import { DENIAL_REASONS, type DenialReason } from '../contract/fact.js';
import { Generations } from '../platform/generations.js';
import { grantsAt } from './grants.js';
import { buildLimitSet, type LimitInput, type LimitSet } from './limit-set.js';
import { NEVER_MS, resolveWindow, windowKey } from './window.js';

/** Gates of an operation as the script takes them: decide by limits, allowed without limits, or 1 + a denial's reason. */
export const GATE_OPEN = 0;
export const GATE_FREE = 255;
const gateOf = (reason: DenialReason): number => 1 + DENIAL_REASONS.indexOf(reason);

/** What the catalog says of one customer's feature: all that an operation needs besides who it is for and its amount. */
export interface Access {
  readonly gate: number;
  readonly set: LimitSet;
  /** True when plan or add-ons grant the feature, whatever the customer's status. */
  readonly entitled: boolean;
  /** Ids from the top entity down to the one asked for. */
  readonly entities: readonly string[];
  /** Half-open validity, ms; −Infinity and NEVER_MS where the catalog sets none. The script judges it by Redis's time. */
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly scale: number;
  readonly meter: Meter | undefined;
  /** Value of a boolean or config feature. */
  readonly value: ConfigValue | undefined;
}

interface CachedAccess {
  /** Catalog version that it was last seen to hold under. */
  version: number;
  readonly access: Access;
  readonly plan: Plan | undefined;
  readonly feature: Feature | undefined;
  readonly meter: Meter | undefined;
  readonly addons: readonly (Addon | undefined)[];
  /** Half-open: before and after it a window or a grant makes another one of it. */
  readonly validFromMs: number;
  readonly validUntilMs: number;
}

/** An access with other windows than those of its customer's terms. */
interface Rebuilt {
  readonly terms: CustomerTerms;
  readonly cached: CachedAccess;
  readonly instants: Instants;
}

/** At which instants the windows of rules are the current ones, ms. */
interface Instants {
  readonly commonMs: number;
  /** By the rule's place in its set. */
  readonly others: ReadonlyMap<number, number>;
}

/** Accesses kept with other windows: of the customers that were decided just when a window turned, or whose clock was ahead. */
const REBUILT_MAX = 10_000;

/** Distinct sets kept for sharing; past it the table starts anew (sets in use live on with their customers). */
const SETS_MAX = 50_000;

/**
 * customer × feature → Access, cached per terms, which customers mostly share, and checked against the identity of every
 * object it was derived from, so that a change of one plan costs nothing to the customers of the others.
 */
export class Resolver {
  readonly #view: CatalogView;
  readonly #byTerms = new WeakMap<CustomerTerms, Map<string, CachedAccess>>();
  /** By customer, and by feature and entity. */
  readonly #rebuilt = new Generations<Rebuilt>(REBUILT_MAX);
  #sets = new Map<string, LimitSet>();

  constructor(view: CatalogView) {
    this.#view = view;
  }

  /**
   * @returns undefined when the customer has to be loaded into the view first.
   * @throws WeirError unknown_entity for an entity that is not below the customer.
   */
  access(customerId: string, featureId: string, atMs: number, entity?: string): Access | undefined {
    const terms = this.#view.terms(customerId);
    if (terms === undefined) return undefined;
    const feature = this.#view.feature(featureId);
    if (terms === null) return this.#refusal('unknown_customer', featureId, feature?.meter);
    if (feature === undefined) return this.#refusal('unknown_feature', featureId, undefined);
    return this.#accessOf(customerId, terms, feature, atMs, entity);
  }

  /** As `access`, for terms at hand. */
  #accessOf(
    customerId: string,
    terms: CustomerTerms,
    feature: Feature,
    atMs: number,
    entity: string | undefined,
  ): Access {
    if (this.#rebuilt.size > 0) {
      const own = this.#rebuilt.get(rebuiltKey(customerId, feature.id, entity));
      if (own?.terms === terms && this.#isCurrent(own.cached, terms, feature, atMs)) return own.cached.access;
    }
    let features = this.#byTerms.get(terms);
    if (features === undefined) {
      features = new Map();
      this.#byTerms.set(terms, features);
    }
    const key = featureKey(feature.id, entity);
    const cached = features.get(key);
    if (cached !== undefined && this.#isCurrent(cached, terms, feature, atMs)) return cached.access;
    const built = this.#build(terms, feature, atMs, entity);
    features.set(key, built);
    return built.access;
  }

  #isCurrent(cached: CachedAccess, terms: CustomerTerms, feature: Feature, atMs: number): boolean {
    if (atMs >= cached.validUntilMs || atMs < cached.validFromMs || cached.feature !== feature) return false;
    const { version } = this.#view;
    if (cached.version === version) return true;
    if (cached.plan !== this.#view.plan(terms.plan)) return false;
    if (feature.meter !== undefined && cached.meter !== this.#view.meter(feature.meter)) return false;
    if (!terms.addons.every((id, index) => cached.addons[index] === this.#view.addon(id))) return false;
    cached.version = version;
    return true;
  }

  /**
   * Derives a customer's feature anew with the windows at an instant: the script found those that were sent outside Redis's
   * time, or behind the state of the rule that it names. All its rules get them at first, since they mostly lack the
   * same; after that each keeps its own until it is named (null: none is). Grants stay those of `atMs`.
   */
  rebuild(
    customerId: string,
    featureId: string,
    entity: string | undefined,
    { rule, instantMs }: { readonly rule: number | null; readonly instantMs: number },
    atMs: number,
  ): void {
    const terms = this.#view.terms(customerId);
    const feature = this.#view.feature(featureId);
    if (!terms || feature === undefined) return;
    const key = rebuiltKey(customerId, featureId, entity);
    const own = this.#rebuilt.get(key);
    let instants: Instants = { commonMs: instantMs, others: new Map() };
    if (own?.terms === terms && this.#isCurrent(own.cached, terms, feature, atMs)) {
      if (rule === null) return;
      instants = { ...own.instants, others: new Map([...own.instants.others, [rule, instantMs]]) };
    }
    this.#rebuilt.set(key, { terms, cached: this.#build(terms, feature, atMs, entity, instants), instants });
  }

  /** The metered features of a customer's plan and add-ons that a meter charges, in catalog order. */
  featuresOnMeter(
    customerId: string,
    terms: CustomerTerms,
    meter: Meter,
    atMs: number,
    entity: string | undefined,
  ): { feature: Feature; access: Access }[] {
    const found: { feature: Feature; access: Access }[] = [];
    for (const feature of this.#view.features()) {
      if (feature.kind !== 'metered' || feature.meter !== meter.id) continue;
      const access = this.#accessOf(customerId, terms, feature, atMs, entity);
      if (access.entitled) found.push({ feature, access });
    }
    return found;
  }

  /** The set of a usage fact that no feature of the customer counts: the meter alone. */
  meterOnly(meter: string): LimitSet {
    return this.#shared(`\0\0${meter}`, '', meter, [], 0);
  }

  #build(
    terms: CustomerTerms,
    feature: Feature,
    atMs: number,
    entity: string | undefined,
    instants?: Instants,
  ): CachedAccess {
    const plan = this.#view.plan(terms.plan);
    const meter = feature.meter === undefined ? undefined : this.#view.meter(feature.meter);
    const addons = terms.addons.map((id) => this.#view.addon(id));
    const { version } = this.#view;
    const granted = grantsAt(terms, feature.id, atMs);
    const path = entity === undefined ? [] : entityPath(terms.entities ?? [], entity);
    if (path === null) throw new WeirError('unknown_entity', `"${entity}"`, { field: 'entity' });
    // One literal and no spread, so that all of them share one hidden class: every check reads one.
    const access = (gate: number, set: LimitSet, value?: ConfigValue): CachedAccess => ({
      version,
      access: {
        entitled: gate === GATE_OPEN || gate === GATE_FREE,
        entities: path.map(({ id }) => id),
        gate: terms.status === 'suspended' ? gateOf('suspended') : gate,
        set,
        startsAtMs: terms.startsAt ? Date.parse(terms.startsAt) : Number.NEGATIVE_INFINITY,
        endsAtMs: terms.endsAt ? Date.parse(terms.endsAt) : NEVER_MS,
        scale: meter?.scale ?? 0,
        meter,
        value,
      },
      plan,
      feature,
      meter,
      addons,
      // Built anew for an instant that the script named, it holds before it, since that may be a customer's clock, which is
      // ahead of this process's; and as long as its windows reach, since it may be Redis's, which is behind.
      validFromMs: instants === undefined ? Math.max(granted.fromMs, startOf(set)) : granted.fromMs,
      validUntilMs: Math.min(granted.untilMs, instants === undefined ? set.validUntilMs : reachOf(set)),
    });
    if (feature.kind !== 'metered') {
      const value = lastValue([plan, ...addons], feature.id);
      const entitled = value !== undefined && value !== false;
      return access(entitled ? GATE_FREE : gateOf('not_entitled'), this.#bare(feature.id, ''), value);
    }
    const limits = effectiveLimits(plan, addons, granted.amounts, feature.id);
    if (limits === undefined) return access(gateOf('not_entitled'), this.#bare(feature.id, feature.meter ?? ''));
    const inputs = limits.map(({ limit, included }) => inputOf(limit, included, limit.id, 0, terms));
    path.forEach((each, index) => {
      for (const limit of each.features[feature.id]?.limits ?? []) {
        inputs.push(
          inputOf(limit, limit.kind === 'quota' ? limit.amount : 0, `${each.id}/${limit.id}`, index + 1, terms),
        );
      }
    });
    const commonMs = instants?.commonMs ?? atMs;
    if (instants !== undefined && instants.others.size > 0) {
      return access(GATE_OPEN, buildLimitSet(feature.id, feature.meter ?? '', inputs, commonMs, instants.others));
    }
    const key = JSON.stringify(
      inputs.map((input) => [
        input.limit,
        input.included,
        input.name,
        input.slot,
        input.window && windowKey(input.window),
      ]),
    );
    const set = this.#shared(
      `${feature.id}\0${feature.meter}\0${key}`,
      feature.id,
      feature.meter ?? '',
      inputs,
      commonMs,
    );
    return access(GATE_OPEN, set);
  }

  /** The amount of what is refused is still read by its feature's meter, so that the answer is the refusal. */
  #refusal(reason: DenialReason, feature: string, meter: string | undefined): Access {
    return {
      gate: gateOf(reason),
      set: this.#bare(feature, ''),
      entitled: false,
      entities: [],
      startsAtMs: Number.NEGATIVE_INFINITY,
      endsAtMs: NEVER_MS,
      scale: meter === undefined ? 0 : (this.#view.meter(meter)?.scale ?? 0),
      meter: undefined,
      value: undefined,
    };
  }

  /** The set of a usage fact of a feature that is charged to no limit: it has been taken from the customer since. */
  withoutLimits(feature: string, meter: string): LimitSet {
    return this.#bare(feature, meter);
  }

  #bare(feature: string, meter: string): LimitSet {
    return this.#shared(`${feature}\0${meter}`, feature, meter, [], 0);
  }

  #shared(key: string, feature: string, meter: string, inputs: readonly LimitInput[], atMs: number): LimitSet {
    const known = this.#sets.get(key);
    if (known !== undefined && atMs < known.validUntilMs && atMs >= startOf(known)) return known;
    const set = buildLimitSet(feature, meter, inputs, atMs);
    if (this.#sets.size >= SETS_MAX) this.#sets = new Map();
    this.#sets.set(key, set);
    return set;
  }
}

const featureKey = (feature: string, entity: string | undefined): string =>
  entity === undefined ? feature : `${feature}\0${entity}`;
const rebuiltKey = (customer: string, feature: string, entity: string | undefined): string =>
  `${customer}\0${featureKey(feature, entity)}`;

function startOf(set: LimitSet): number {
  return Math.max(0, ...set.rules.map((rule) => (rule.kind === 'quota' ? rule.boundaries[1] : 0)));
}

/** Until when all its windows are among those that are sent along. */
function reachOf(set: LimitSet): number {
  return Math.min(NEVER_MS, ...set.rules.map((rule) => (rule.kind === 'quota' ? rule.boundaries[3] : NEVER_MS)));
}

function inputOf(limit: Limit, included: number, name: string, slot: number, terms: CustomerTerms): LimitInput {
  const window = limit.kind === 'quota' ? resolveWindow(limit.window, terms) : null;
  return { limit, name, slot, included, window };
}

function lastValue(grants: readonly (Plan | Addon | undefined)[], feature: string): ConfigValue | undefined {
  let value: ConfigValue | undefined;
  for (const grant of grants) {
    const own = grant?.features[feature];
    if (own !== undefined && typeof own !== 'object') value = own;
  }
  return value;
}

/**
 * Limits of a plan's metered feature with what add-ons and grants bring: more of a quota; of add-ons also further
 * limits. undefined: not entitled.
 */
function effectiveLimits(
  plan: Plan | undefined,
  addons: readonly (Addon | undefined)[],
  granted: ReadonlyMap<string, number>,
  feature: string,
): { limit: Limit; included: number }[] | undefined {
  const own = plan?.features[feature];
  let entitled = typeof own === 'object';
  const limits = typeof own === 'object' ? [...own.limits] : [];
  const added = new Map(granted);
  for (const addon of addons) {
    const grant = addon?.features[feature];
    if (typeof grant !== 'object') continue;
    entitled = true;
    limits.push(...grant.limits.filter((limit) => !limits.some((known) => known.id === limit.id)));
    for (const [id, amount] of Object.entries(grant.add ?? {})) added.set(id, (added.get(id) ?? 0) + amount);
  }
  if (!entitled) return undefined;
  return limits.map((limit) => ({
    limit,
    included: limit.kind === 'quota' ? Math.min(AMOUNT_MAX, limit.amount + (added.get(limit.id) ?? 0)) : 0,
  }));
}
