import { z } from 'zod';
import type { Customer } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { byUtcDay, loadQuery } from '../queries.js';
import { loadCustomers, type ReportCatalog } from './catalog.js';
import { type Period, partitionFrom, ZONE_MARGIN_MS } from './periods.js';

/** Whole days around the month are asked for in any case: that is what the margins of the zones are for. */
const activeCustomers = byUtcDay(loadQuery('active-customers'));

const customerSchema = z.object({ customer: z.string() });
const DAY_MS = 86_400_000;
/** Ids are small, and every reading looks at all that come after: so more of them than customers of a page. */
const IDS_PER_READING = 50_000;

/** Customers of the first page, so that whoever looks on has its rows at once, and how many times as many the next has. */
const FIRST_PAGE_CUSTOMERS = 200;
const PAGE_GROWTH = 5;

/** Customers whose months begin and end at the same instants. */
export interface ZoneGroup {
  readonly timezone: string;
  readonly ids: readonly string[];
  readonly customers: ReadonlyMap<string, Customer>;
  /** Counts the use of this entity and those below it alone, against its own limits; then there is one customer. */
  readonly entity: string | undefined;
}

export interface CustomerFilter {
  /** '' for all. */
  readonly customer: string;
  /** Of this plan now. */
  readonly plan: string | undefined;
  readonly entity?: string | undefined;
}

export interface CustomerPage {
  readonly groups: readonly ZoneGroup[];
  /** Where to go on after. */
  readonly last: string;
  readonly more: boolean;
}

/**
 * Customers with usage or denials in a month, in order, some at a time, by time zone.
 * @param month the month in UTC; zones reach past it.
 * @param bounds after: '' for the beginning; limit: customers in all; page: customers at a time, at most.
 */
export async function* customerPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  month: Period,
  filter: CustomerFilter,
  bounds: { readonly after: string; readonly limit: number; readonly page: number },
): AsyncGenerator<CustomerPage> {
  const fromMs = floorDay(month.startMs - ZONE_MARGIN_MS);
  const margins = { fromMs, toMs: month.endMs + ZONE_MARGIN_MS, fromMonth: partitionFrom(fromMs) };
  let { after } = bounds;
  let pageSize = Math.min(FIRST_PAGE_CUSTOMERS, bounds.page);
  for (let left = bounds.limit; left > 0; ) {
    const size = Math.min(left, Math.max(bounds.page, IDS_PER_READING));
    const parameters = { ...margins, customer: filter.customer, after, limit: size + 1 };
    const rows = await clickhouse.query(activeCustomers, parameters, customerSchema);
    const ids = rows.slice(0, size).map((row) => row.customer);
    for (let from = 0; from < ids.length; ) {
      const page = ids.slice(from, from + pageSize);
      const last = page.at(-1) ?? after;
      const more = rows.length > from + page.length;
      yield { groups: await groupsByZone(catalog, page, filter), last, more };
      from += page.length;
      pageSize = Math.min(pageSize * PAGE_GROWTH, bounds.page);
    }
    if (rows.length <= size) return;
    left -= size;
    after = ids.at(-1) ?? after;
  }
}

const floorDay = (ms: number): number => Math.max(0, Math.floor(ms / DAY_MS) * DAY_MS);

/** Some customers by their time zone; those that are no longer in the catalog count as UTC. */
export async function groupsByZone(
  catalog: ReportCatalog,
  ids: readonly string[],
  { plan, entity }: Pick<CustomerFilter, 'plan' | 'entity'>,
): Promise<ZoneGroup[]> {
  const customers = await loadCustomers(catalog, ids);
  const groups = new Map<string, ZoneGroup & { ids: string[] }>();
  for (const id of ids) {
    const customer = customers.get(id);
    if (plan !== undefined && customer?.plan !== plan) continue;
    const timezone = customer?.timezone ?? 'UTC';
    const group = groups.get(timezone) ?? { timezone, ids: [], customers, entity };
    groups.set(timezone, group);
    group.ids.push(id);
  }
  return [...groups.values()];
}
