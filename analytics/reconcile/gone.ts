import { z } from 'zod';
import type { CatalogRegistry } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import type { ListCustomers } from './drift-watch.js';

const ledgerCustomers = loadQuery('ledger-customers');
const customerSchema = z.object({ customer: z.string() });
const ledgerHolders = loadQuery('ledger-holders');
const holderSchema = z.object({ customer: z.string(), entity: z.string() });

/** How long ago a customer or entity may have been charged last: two months, as long as a month's counter is kept. */
const CHARGED_SINCE_MS = 62 * 86_400_000;
/** Customers of one look at ledger and catalog. */
const LOOK_MAX = 1_000;
/** Before the cursor of a customer that is gone; one of the catalog has no such character. */
const GONE_MARK = '.';

type Ledger = Pick<ClickHouse, 'query'>;

/** Whose limits facts name, by customer: an entity that has left the catalog among them. */
export async function readLedgerHolders(
  clickhouse: Ledger,
  customers: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const parameters = { customers, fromMs: Date.now() - CHARGED_SINCE_MS };
  const holders = new Map<string, string[]>();
  for (const { customer, entity } of await clickhouse.query(ledgerHolders, parameters, holderSchema)) {
    const entities = holders.get(customer) ?? [];
    holders.set(customer, entities);
    entities.push(entity);
  }
  return holders;
}

/** All customers, page by page: first those of the catalog, then those that only the ledger still knows. */
export function listAll(registry: CatalogRegistry, clickhouse: Ledger): ListCustomers {
  const listCatalog = listCustomersOf(registry);
  return async (limit, cursor) => {
    if (cursor?.startsWith(GONE_MARK) === true) return await goneAfter(registry, clickhouse, limit, readGone(cursor));
    const page = await listCatalog(limit, cursor);
    if (page.cursor !== null) return page;
    const { ids: gone } = await goneAfter(registry, clickhouse, 1, '');
    return { ids: page.ids, cursor: gone.length === 0 ? null : GONE_MARK };
  };
}

async function goneAfter(registry: CatalogRegistry, clickhouse: Ledger, limit: number, after: string) {
  const fromMs = Date.now() - CHARGED_SINCE_MS;
  const ids: string[] = [];
  for (let last = after; ; ) {
    const rows = await clickhouse.query(ledgerCustomers, { after: last, fromMs, limit: LOOK_MAX }, customerSchema);
    const charged = rows.map(({ customer }) => customer);
    const { objects } = await registry.store.readObjects('customer', charged);
    for (const [index, customer] of charged.entries()) {
      if (objects[index] !== null) continue;
      if (ids.length === limit) return { ids, cursor: writeGone(ids.at(-1) ?? '') };
      ids.push(customer);
    }
    if (charged.length < LOOK_MAX) return { ids, cursor: null };
    last = charged.at(-1) ?? last;
  }
}

const writeGone = (id: string): string => GONE_MARK + Buffer.from(id).toString('base64url');
const readGone = (cursor: string): string => Buffer.from(cursor.slice(GONE_MARK.length), 'base64url').toString();

/** All customers of the catalog by id, a page at a time. */
export const listCustomersOf =
  (registry: Pick<CatalogRegistry, 'listIds'>): ListCustomers =>
  (limit, cursor) =>
    registry.listIds('customer', cursor === undefined ? { limit } : { limit, cursor });
