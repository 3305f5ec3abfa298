import {
  AMOUNT_MAX,
  type CatalogView,
  type Customer,
  type CustomerTerms,
  entityPath,
  grantsAt,
  type Limit,
  type QuotaLimit,
} from '../../engine/index.js';

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

/** A quota as the catalog has it now, with what add-ons and grants add. */
export interface CurrentQuota {
  /** As facts name it: an entity's is `entity/limit`. */
  readonly name: string;
  readonly limit: QuotaLimit;
  readonly included: number;
  /** What add-ons and grants contribute to it: all of a limit that an add-on brings. */
  readonly addons: number;
}

const isQuota = (limit: Limit): limit is QuotaLimit => limit.kind === 'quota';
/** Shadow limits deny nothing, and reports do not measure by them. */
const isEnforced = ({ limit }: CurrentQuota): boolean => limit.shadow !== true;

/** The enforced quotas of a customer on a feature, in list order. */
export const quotasOf = (
  catalog: Pick<ReportCatalog, 'plan' | 'addon'>,
  customer: CustomerTerms,
  feature: string,
  atMs: number,
): CurrentQuota[] => allQuotasOf(catalog, customer, feature, atMs).filter(isEnforced);

/**
 * The quotas of a customer on a feature, shadow ones among them, in list order.
 * @param atMs which grants there are.
 */
export function allQuotasOf(
  catalog: Pick<ReportCatalog, 'plan' | 'addon'>,
  customer: CustomerTerms,
  feature: string,
  atMs: number,
): CurrentQuota[] {
  const grant = catalog.plan(customer.plan)?.features[feature];
  const limits = typeof grant === 'object' ? [...grant.limits] : [];
  const ofPlan = new Set(limits);
  const added = new Map(grantsAt(customer, feature, atMs).amounts);
  for (const id of customer.addons) {
    const more = catalog.addon(id)?.features[feature];
    if (typeof more !== 'object') continue;
    limits.push(...more.limits.filter((limit) => !limits.some((known) => known.id === limit.id)));
    for (const [limit, amount] of Object.entries(more.add ?? {})) added.set(limit, (added.get(limit) ?? 0) + amount);
  }
  return limits.filter(isQuota).map((limit) => {
    const included = Math.min(AMOUNT_MAX, limit.amount + (added.get(limit.id) ?? 0));
    return { name: limit.id, limit, included, addons: ofPlan.has(limit) ? included - limit.amount : included };
  });
}

/** The enforced quotas of one entity on a feature, in list order; none for an entity that is gone. */
export function entityQuotasOf(customer: CustomerTerms, entity: string, feature: string): CurrentQuota[] {
  const limits = customer.entities?.find(({ id }) => id === entity)?.features[feature]?.limits ?? [];
  return limits
    .filter(isQuota)
    .map((limit) => ({ name: `${entity}/${limit.id}`, limit, included: limit.amount, addons: 0 }))
    .filter(isEnforced);
}

/** The quota that facts name so, the customer's own or an entity's. */
export function quotaNamed(
  catalog: Pick<ReportCatalog, 'plan' | 'addon'>,
  customer: CustomerTerms,
  feature: string,
  name: string,
  atMs: number,
): CurrentQuota | undefined {
  const isNamed = (quota: CurrentQuota): boolean => quota.name === name;
  const own = quotasOf(catalog, customer, feature, atMs).find(isNamed);
  if (own !== undefined) return own;
  const holders = (customer.entities ?? []).filter(({ id }) => name.startsWith(`${id}/`));
  return holders.flatMap(({ id }) => entityQuotasOf(customer, id, feature)).find(isNamed);
}

/** An entity and all that stand below it: those whose use counts against its limits. */
export function entitiesUnder(customer: Customer | undefined, id: string): string[] {
  const below = (customer?.entities ?? []).filter((entity) =>
    entityPath(customer?.entities ?? [], entity.id)?.some((each) => each.id === id),
  );
  return [...new Set([id, ...below.map((entity) => entity.id)])];
}

/** Whose facts a report counts: of every entity and of none, or of an entity and those below it. */
export interface EntityFilter {
  readonly everyEntity: boolean;
  readonly entities: readonly string[];
}

/** @param entity undefined for all facts. */
export const entityFilter = (customer: Customer | undefined, entity: string | undefined): EntityFilter =>
  entity === undefined
    ? { everyEntity: true, entities: [] }
    : { everyEntity: false, entities: entitiesUnder(customer, entity) };

/** Scale of a meter; 0 for one that is no longer in the catalog. */
export const scaleOf = (catalog: ReportCatalog, meter: string): number => catalog.meter(meter)?.scale ?? 0;
