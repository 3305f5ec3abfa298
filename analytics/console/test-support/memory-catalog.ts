import type { CatalogDocument, CatalogView } from '../../../engine/index.js';

/** A catalog in memory, as a view of it: for tests that need no Redis. */
export function memoryCatalog(document: CatalogDocument, version = 17): CatalogView {
  const byId = <T extends { readonly id: string }>(objects: readonly T[]) =>
    new Map(objects.map((object) => [object.id, object]));
  const meters = byId(document.meters);
  const features = byId(document.features);
  const plans = byId(document.plans);
  const addons = byId(document.addons);
  const customers = byId(document.customers);
  return {
    version,
    meter: (id) => meters.get(id),
    feature: (id) => features.get(id),
    plan: (id) => plans.get(id),
    addon: (id) => addons.get(id),
    metersOfType: (eventType) => document.meters.filter((meter) => meter.eventType === eventType),
    features: () => document.features,
    plans: () => document.plans,
    addons: () => document.addons,
    customer: (id) => customers.get(id) ?? null,
    terms: (id) => customers.get(id) ?? null,
    loadCustomer: async (id) => customers.get(id) ?? null,
    authenticate: () => undefined,
    catchUp: async () => version,
  };
}
