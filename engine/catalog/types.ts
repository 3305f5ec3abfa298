import type { Addon, ApiKey, Customer, CustomerTerms, Feature, Meter, ObjectType, Plan } from '../contract/catalog.js';

/**
 * A gateway's view of the catalog: plans, features, meters, add-ons and keys whole, customers in a bounded cache.
 * `version` is the last change applied; objects are never older than it. Object identity, of customers that of their
 * terms, is stable while an object does not change, so that callers may cache what they derive from it in a WeakMap.
 */
export interface CatalogView {
  readonly version: number;
  meter(id: string): Meter | undefined;
  feature(id: string): Feature | undefined;
  plan(id: string): Plan | undefined;
  addon(id: string): Addon | undefined;
  /** Meters that count events of this type, in catalog order. */
  metersOfType(eventType: string): readonly Meter[];
  /** All features, in catalog order. */
  features(): Iterable<Feature>;
  /** All plans and all add-ons, in catalog order; made anew at every call. */
  plans(): Iterable<Plan>;
  addons(): Iterable<Addon>;
  /** From the cache: the customer, null when there is none, undefined when it must be loaded first. */
  customer(id: string): Customer | null | undefined;
  /** As `customer`, what it is decided by: one object for all that have the same. */
  terms(id: string): CustomerTerms | null | undefined;
  /** Reads the customer from Redis into the cache. */
  loadCustomer(id: string): Promise<Customer | null>;
  /** The key record of a raw key, compared by SHA-256; undefined when unknown or revoked. */
  authenticate(rawKey: string): ApiKey | undefined;
  /** Applies every change that Redis has by now; resolves with the version then in force here. */
  catchUp(): Promise<number>;
}

/** An object as the registry keeps it: with its owner, the source that brought it. */
export interface StoredObject {
  readonly owner: string;
  readonly version: number;
  readonly body: unknown;
}

/** One object to write (`body`) or to delete (null). */
export interface CatalogEdit {
  readonly type: ObjectType;
  readonly id: string;
  readonly body: unknown;
}
