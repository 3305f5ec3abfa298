import { AMOUNT_MAX, type CatalogView, type Customer, type QuotaLimit } from '../../engine/index.js';

/** What reports ask of the catalog: definitions at hand, customers to be loaded. */
export type ReportCatalog = Pick<CatalogView, 'meter' | 'feature' | 'plan' | 'addon' | 'customer' | 'loadCustomer'>;

/** The customers of these ids that exist now. */
export async function loadCustomers(catalog: ReportCatalog, ids: Iterable<string>): Promise<Map<string, Customer>> {
  const customers = new Map<string, Customer>();
  await Promise.all(
    [...new Set(ids)].map(async (id) => {
      const customer = catalog.customer(id) ?? (await catalog.loadCustomer(id));
      if (customer !== null) customers.set(id, customer);
    }),
  );
  return customers;
}

/** A quota of a customer as the catalog has it now, with what its add-ons add. */
export interface CurrentQuota {
  readonly limit: QuotaLimit;
  readonly included: number;
}

/** The enforced quotas of a customer on a feature, in list order. */
export function quotasOf(catalog: ReportCatalog, customer: Customer, feature: string): CurrentQuota[] {
  const grant = catalog.plan(customer.plan)?.features[feature];
  const limits = typeof grant === 'object' ? [...grant.limits] : [];
  const added = new Map<string, number>();
  for (const id of customer.addons) {
    const more = catalog.addon(id)?.features[feature];
    if (typeof more !== 'object') continue;
    limits.push(...more.limits.filter((limit) => !limits.some((known) => known.id === limit.id)));
    for (const [limit, amount] of Object.entries(more.add ?? {})) added.set(limit, (added.get(limit) ?? 0) + amount);
  }
  return limits.flatMap((limit) =>
    limit.kind === 'quota' && limit.shadow !== true
      ? [{ limit, included: Math.min(AMOUNT_MAX, limit.amount + (added.get(limit.id) ?? 0)) }]
      : [],
  );
}

/** Scale of a meter; 0 for one that is no longer in the catalog. */
export const scaleOf = (catalog: ReportCatalog, meter: string): number => catalog.meter(meter)?.scale ?? 0;
