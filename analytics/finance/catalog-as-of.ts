import { z } from 'zod';
import { type Addon, addonSchema, type Customer, customerSchema, type Plan, planSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import type { ReportCatalog } from '../reports/catalog.js';

const objectsQuery = loadQuery('catalog-as-of');

const rowSchema = z.object({
  type: z.string(),
  id: z.string(),
  body: z.string().transform((text): unknown => JSON.parse(text)),
});

/**
 * Plans, add-ons and customers as they were at an instant, by the audit trail; what it does not have is taken as it is
 * now, and so are meters and features, whose meaning does not change.
 */
export async function catalogAsOf(
  clickhouse: Pick<ClickHouse, 'query'>,
  now: ReportCatalog,
  atMs: number,
): Promise<ReportCatalog> {
  const read = (types: string[], ids?: readonly string[]) =>
    clickhouse.query(objectsQuery, { types, atMs, everyId: ids === undefined, ids: ids ?? [] }, rowSchema);
  const grants = await read(['plan', 'addon']);
  const bodies = (type: string) => grants.filter((row) => row.type === type).map(({ id, body }) => [id, body] as const);
  const plans = new Map(bodies('plan').map(([id, body]) => [id, planSchema.nullable().parse(body)]));
  const addons = new Map(bodies('addon').map(([id, body]) => [id, addonSchema.nullable().parse(body)]));
  const loader = new CustomerLoader(async (ids) => {
    const rows = await read(['customer'], ids);
    return new Map(rows.map(({ id, body }) => [id, customerSchema.nullable().parse(body)]));
  });
  return {
    meter: (id) => now.meter(id),
    feature: (id) => now.feature(id),
    plan: (id): Plan | undefined => (plans.has(id) ? (plans.get(id) ?? undefined) : now.plan(id)),
    addon: (id): Addon | undefined => (addons.has(id) ? (addons.get(id) ?? undefined) : now.addon(id)),
    customer: () => undefined,
    async loadCustomer(id) {
      const known = await loader.load(id);
      return known === undefined ? (now.customer(id) ?? (await now.loadCustomer(id))) : known;
    },
  };
}

/** Gathers the customers that are asked for in one turn of the event loop into one query. */
class CustomerLoader {
  readonly #read: (ids: readonly string[]) => Promise<ReadonlyMap<string, Customer | null>>;
  #gathered: string[] = [];
  #next: Promise<ReadonlyMap<string, Customer | null>> | undefined;

  constructor(read: (ids: readonly string[]) => Promise<ReadonlyMap<string, Customer | null>>) {
    this.#read = read;
  }

  /** Undefined for a customer that the audit trail does not have. */
  async load(id: string): Promise<Customer | null | undefined> {
    this.#gathered.push(id);
    this.#next ??= Promise.resolve().then(() => {
      const ids = this.#gathered;
      this.#gathered = [];
      this.#next = undefined;
      return this.#read(ids);
    });
    return (await this.#next).get(id);
  }
}
