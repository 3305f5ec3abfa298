import type { CatalogDocument } from '../contract/catalog.js';
import { checkAddon, checkClass, checkFeature, checkOwned, checkPlan, type Definitions } from './check.js';
import { type CustomerClass, classKey, classOf } from './classes.js';
import { SECTIONS } from './diff.js';
import type { Problem } from './problems.js';

/** What other sources brought, which a document's objects stand beside and may refer to. */
export interface Surroundings {
  readonly definitions: Definitions;
  /** Classes of the other sources' customers, with how many there are of each. */
  readonly classes: readonly { readonly customerClass: CustomerClass; readonly customers: number }[];
}

export const NO_SURROUNDINGS: Surroundings = {
  definitions: { meters: new Map(), features: new Map(), plans: new Map(), addons: new Map() },
  classes: [],
};

/**
 * Everything that does not hold in a document beside what other sources have. Paths start with the section and the
 * index in it; problems that the document causes in other sources' objects have an empty path.
 *
 * @param broken `type:id` of objects of the document that have faults of their own and are left out of it.
 */
export function validateCatalog(
  document: CatalogDocument,
  surroundings: Surroundings = NO_SURROUNDINGS,
  broken: ReadonlySet<string> = new Set(),
): Problem[] {
  const others = surroundings.definitions;
  const definitions: Definitions = {
    meters: merge(others.meters, document.meters),
    features: merge(others.features, document.features),
    plans: merge(others.plans, document.plans),
    addons: merge(others.addons, document.addons),
    broken,
  };
  return [
    ...duplicates(document),
    ...within('features', document.features, (feature) => checkFeature(definitions, feature)),
    ...within('plans', document.plans, (plan) => checkPlan(definitions, plan)),
    ...within('addons', document.addons, (addon) => checkAddon(definitions, addon)),
    ...checkCustomers(document, definitions),
    ...checkElsewhere(definitions, surroundings),
  ];
}

function merge<T extends { readonly id: string }>(others: ReadonlyMap<string, T>, own: readonly T[]): Map<string, T> {
  const merged = new Map(others);
  for (const object of own) merged.set(object.id, object);
  return merged;
}

function within<T>(section: string, objects: readonly T[], check: (object: T) => Problem[]): Problem[] {
  return objects.flatMap((object, index) =>
    check(object).map(({ path, message }) => ({ path: [section, index, ...path], message })),
  );
}

function duplicates(document: CatalogDocument): Problem[] {
  const problems: Problem[] = [];
  for (const { type, section } of SECTIONS) {
    const seen = new Set<string>();
    document[section].forEach(({ id }, index) => {
      if (seen.has(id)) {
        problems.push({
          path: [section, index, 'id'],
          message: `there is another ${type} ${JSON.stringify(id)} above`,
        });
      }
      seen.add(id);
    });
  }
  return problems;
}

function checkCustomers(document: CatalogDocument, definitions: Definitions): Problem[] {
  const byClass = new Map<string, Problem[]>();
  return within('customers', document.customers, (customer) => {
    const customerClass = classOf('', customer);
    const key = classKey(customerClass);
    let problems = byClass.get(key);
    if (problems === undefined) {
      problems = checkClass(definitions, customerClass);
      byClass.set(key, problems);
    }
    const owned = checkOwned(definitions, customer);
    return owned.length === 0 ? problems : [...problems, ...owned];
  });
}

/**
 * What no longer holds among the other sources' objects once the definitions are these. What did not hold before
 * either is not held against the document.
 */
function checkElsewhere(definitions: Definitions, surroundings: Surroundings): Problem[] {
  return describeOthers(definitions, surroundings).map((message) => ({ path: [], message }));
}

/** Problems of the other sources' objects, in words. */
export function describeOthers(definitions: Definitions, surroundings: Surroundings): string[] {
  const { features, plans, addons } = surroundings.definitions;
  const told: string[] = [];
  const tell = (what: string, problems: readonly Problem[]): void => {
    for (const { path, message } of problems) told.push(`${what}: ${path.map(String).join('.')}: ${message}`);
  };
  for (const [id, feature] of features) tell(`feature ${JSON.stringify(id)}`, checkFeature(definitions, feature));
  for (const [id, plan] of plans) tell(`plan ${JSON.stringify(id)}`, checkPlan(definitions, plan));
  for (const [id, addon] of addons) tell(`add-on ${JSON.stringify(id)}`, checkAddon(definitions, addon));
  for (const { customerClass, customers } of surroundings.classes) {
    const { owner, plan } = customerClass;
    const what = `${customers} customer${customers === 1 ? '' : 's'} of source ${JSON.stringify(owner)} on plan ${JSON.stringify(plan)}`;
    tell(what, checkClass(definitions, customerClass));
  }
  return told;
}
