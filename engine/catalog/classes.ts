import type { Customer } from '../contract/catalog.js';

/**
 * A class of customers that are alike to the rules of the catalog: whether a plan's limits fit with the add-ons does
 * not depend on more. The registry counts the customers of each class, so that an edit of a plan is checked against a
 * million customers by looking at some dozen classes.
 */
export interface CustomerClass {
  readonly owner: string;
  readonly plan: string;
  readonly addons: readonly string[];
  readonly hasStart: boolean;
}

export const classOf = (owner: string, customer: Customer): CustomerClass => ({
  owner,
  plan: customer.plan,
  addons: customer.addons,
  hasStart: typeof customer.startsAt === 'string',
});

/** The class of a stored customer, from the text of its body. @throws Error for a text that is none. */
export function classOfText(owner: string, text: string): CustomerClass {
  // Not by the schema, which would cost as much as all the rest of loading 100 000 customers: the text was written from
  // a body that passed it.
  const body: unknown = JSON.parse(text);
  if (typeof body !== 'object' || body === null || !('plan' in body)) throw new Error('a stored customer has no plan');
  const addons: unknown = 'addons' in body ? body.addons : [];
  return {
    owner,
    plan: String(body.plan),
    addons: Array.isArray(addons) ? addons.map(String) : [],
    hasStart: 'startsAt' in body && typeof body.startsAt === 'string',
  };
}

/** One spelling for each class: a JSON array. */
export const classKey = ({ owner, plan, addons, hasStart }: CustomerClass): string =>
  JSON.stringify([owner, plan, hasStart, ...addons]);

/** @throws Error for what classKey did not write. */
export function parseClassKey(key: string): CustomerClass {
  const parts: unknown = JSON.parse(key);
  if (!Array.isArray(parts)) throw new Error(`not a class of customers: ${key}`);
  const [owner, plan, hasStart, ...addons]: unknown[] = parts;
  return { owner: String(owner), plan: String(plan), hasStart: hasStart === true, addons: addons.map(String) };
}

/** Adds up how the counts of classes change. */
export class ClassDeltas {
  readonly #deltas = new Map<string, number>();

  add(customerClass: CustomerClass, count: number): void {
    const key = classKey(customerClass);
    this.#deltas.set(key, (this.#deltas.get(key) ?? 0) + count);
  }

  /** Pairs of class and change, those that change at all; additions first, so that no count passes through 0. */
  entries(): [string, number][] {
    return [...this.#deltas].filter(([, count]) => count !== 0).sort((a, b) => b[1] - a[1]);
  }
}
