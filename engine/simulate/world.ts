import { parseCatalog } from '../catalog/document.js';
import { CatalogRegistry } from '../catalog/registry.js';
import { addonSchema, customerSchema, featureSchema, meterSchema, planSchema } from '../contract/catalog.js';
import { WeirError } from '../contract/errors.js';
import { scopeOf } from '../oracle/entitlement.js';
import type { Random } from '../oracle/random.js';
import type { Scope } from '../oracle/reply.js';
import type { RedisClient } from '../store/cluster.js';
import {
  ADDONS,
  editEntities,
  editPlan,
  FEATURE_OBJECTS,
  METERS,
  PLANS,
  randomAddon,
  randomCustomer,
  randomGrants,
  randomPlan,
} from './random-catalog.js';
import { shardsOf } from './servers.js';

const AUTHOR = { owner: 'simulation', actor: 'simulation' };

type Change =
  | { readonly type: 'plan' | 'addon' | 'customer'; readonly id: string; readonly body: object }
  | { readonly type: 'none' };

/** The catalog: as the registry has it in Redis, and as the auditor believes it to be. */
export class World {
  readonly #registry: CatalogRegistry;
  readonly #shards: number;
  readonly #random: Random;
  readonly #meters = byId(METERS.map((meter) => meterSchema.parse(meter)));
  readonly #features = byId(FEATURE_OBJECTS.map((feature) => featureSchema.parse(feature)));
  readonly #plans;
  readonly #addons;
  readonly #customers;
  readonly customerIds: readonly string[];
  /** Of the catalog in force. */
  version = 0;
  changes = 0;
  refusedChanges = 0;

  constructor(redis: RedisClient, random: Random, customers: number, nowMs: number) {
    this.#registry = new CatalogRegistry(redis);
    this.#shards = shardsOf(redis);
    this.#random = random;
    this.customerIds = Array.from({ length: customers }, (_, index) => `c${index}`);
    this.#plans = byId(PLANS.map((id) => planSchema.parse({ id, ...randomPlan(random) })));
    this.#addons = byId(ADDONS.map((id) => addonSchema.parse({ id, ...randomAddon(random, id) })));
    this.#customers = byId(
      this.customerIds.map((id) => customerSchema.parse({ id, ...randomCustomer(random, nowMs) })),
    );
  }

  async initialise(): Promise<void> {
    await this.#registry.initialise({ shards: this.#shards });
    const document = {
      meters: METERS,
      features: FEATURE_OBJECTS,
      plans: [...this.#plans.values()],
      addons: [...this.#addons.values()],
      customers: [...this.#customers.values()],
    };
    const outcome = await this.#registry.apply(parseCatalog(JSON.stringify(document)), AUTHOR);
    if (outcome.status === 'refused') throw new Error(`the catalog was refused: ${JSON.stringify(outcome.faults)}`);
    this.version = outcome.version;
  }

  scope(customer: string, atMs: number): Scope {
    const catalog = {
      meters: this.#meters,
      features: this.#features,
      plans: this.#plans,
      addons: this.#addons,
      customers: this.#customers,
    };
    return scopeOf(catalog, customer, atMs);
  }

  /** True when the customer has the entities of `random-catalog`. */
  hasEntities(customer: string): boolean {
    return this.#customers.get(customer)?.entities !== undefined;
  }

  /** True when the customer has the same grants at both instants. */
  hasGrantsOf(customer: string, oneMs: number, otherMs: number): boolean {
    const turns = (this.#customers.get(customer)?.grants ?? []).flatMap(({ startsAt, endsAt }) => [startsAt, endsAt]);
    return turns.every((turn) => !turn || Date.parse(turn) <= oneMs === Date.parse(turn) <= otherMs);
  }

  /** One change as an administrator makes it; a change that the registry refuses changes nothing. */
  async change(nowMs: number, customers: readonly string[]): Promise<string> {
    const change = this.#randomChange(nowMs, customers);
    if (change.type === 'none') return 'nothing';
    try {
      const { version } = await this.#registry.putObject(change.type, change.id, change.body, AUTHOR);
      this.version = version;
      this.#accept(change);
      this.changes++;
      return `${change.type} ${change.id}: ${JSON.stringify(change.body)}`;
    } catch (error) {
      if (!(error instanceof WeirError) || error.status >= 500) throw error;
      this.refusedChanges++;
      return `refused ${change.type} ${change.id}`;
    }
  }

  #randomChange(nowMs: number, customers: readonly string[]): Change {
    const random = this.#random;
    if (random.chance(0.6)) {
      const plan = this.#plans.get(random.pick(PLANS));
      if (plan === undefined) return { type: 'none' };
      return { type: 'plan', id: plan.id, body: random.chance(0.1) ? randomPlan(random) : editPlan(random, plan) };
    }
    if (random.chance(0.3)) {
      const addon = random.pick(ADDONS);
      return { type: 'addon', id: addon, body: randomAddon(random, addon) };
    }
    const customer = this.#customers.get(random.pick(customers));
    if (customer === undefined) return { type: 'none' };
    const { entities, status } = customer;
    const fresh = randomCustomer(random, nowMs);
    const { id, ...kept } = customer;
    const body = random.pick<object>([
      { ...fresh, entities },
      { ...kept, addons: ADDONS.filter(() => random.chance(0.4)) },
      { ...kept, grants: randomGrants(random, nowMs) },
      { ...kept, plan: random.pick(PLANS) },
      { ...kept, status: status === 'active' ? 'suspended' : 'active' },
      ...(entities === undefined ? [] : [{ ...kept, entities: editEntities(random, entities) }]),
    ]);
    return { type: 'customer', id, body };
  }

  #accept(change: Exclude<Change, { type: 'none' }>): void {
    const { id, body } = change;
    switch (change.type) {
      case 'plan':
        this.#plans.set(id, planSchema.parse({ ...body, id }));
        break;
      case 'addon':
        this.#addons.set(id, addonSchema.parse({ ...body, id }));
        break;
      case 'customer':
        this.#customers.set(id, customerSchema.parse({ ...body, id }));
        break;
    }
  }
}

function byId<T extends { readonly id: string }>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map((object) => [object.id, object]));
}
