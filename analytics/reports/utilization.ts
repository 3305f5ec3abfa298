import { z } from 'zod';
import { type Customer, idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { loadCustomers, type ReportCatalog } from './catalog.js';
import { cursorParameter, customerParameter, entityParameter, formatParameter, limitParameter } from './parameters.js';
import { monthPeriod, partitionFrom, ZONE_MARGIN_MS } from './periods.js';
import { type UtilizationFact, utilizationOf, type ZoneGroup } from './utilization-facts.js';

const activeCustomers = loadQuery('active-customers');

const CUSTOMERS_DEFAULT = 10_000;
const CUSTOMERS_MAX = 100_000;
/** Customers of one round of queries. */
const PAGE_CUSTOMERS = 5_000;

export const utilizationParameters = z.strictObject({
  /** A calendar month, `2026-11`. */
  period: z.string().max(20),
  customer: customerParameter,
  plan: idSchema.optional(),
  entity: entityParameter,
  format: formatParameter,
  limit: limitParameter(CUSTOMERS_DEFAULT, CUSTOMERS_MAX),
  cursor: cursorParameter,
});

const customerSchema = z.object({ customer: z.string() });

export interface UtilizationRequest {
  readonly period: string;
  /** '' for all. */
  readonly customer: string;
  readonly plan: string | undefined;
  /** Of the one customer: its use and that of those below it, against its own limits. */
  readonly entity?: string | undefined;
  readonly after: string;
  /** Customers at most. */
  readonly limit: number;
}

/**
 * How much each customer used in a calendar month of its own zone, per feature and meter, a page of customers at a
 * time: the rows of utilization-facts.ts, by customer, feature (what no feature charges last) and meter. Customers
 * without usage and denials have no row.
 *
 * @throws WeirError `invalid_period`.
 */
export async function* utilizationPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: UtilizationRequest,
): AsyncGenerator<{ facts: UtilizationFact[]; last: string; more: boolean }> {
  const month = monthPeriod(request.period);
  const fromMs = month.startMs - ZONE_MARGIN_MS;
  const margins = { fromMs, toMs: month.endMs + ZONE_MARGIN_MS, fromMonth: partitionFrom(fromMs) };
  let after = request.after;
  for (let left = request.limit; left > 0; ) {
    const size = Math.min(left, PAGE_CUSTOMERS);
    const parameters = { ...margins, customer: request.customer, after, limit: size + 1 };
    const rows = await clickhouse.query(activeCustomers, parameters, customerSchema);
    const ids = rows.slice(0, size).map((row) => row.customer);
    const last = ids.at(-1);
    if (last === undefined) return;
    const facts: UtilizationFact[] = [];
    for (const group of await groupsByZone(catalog, ids, request)) {
      facts.push(...(await utilizationOf(clickhouse, catalog, request.period, group)));
    }
    const more = rows.length > size;
    yield { facts: facts.sort(inOrder), last, more };
    if (!more) return;
    left -= size;
    after = last;
  }
}

async function groupsByZone(
  catalog: ReportCatalog,
  ids: readonly string[],
  { plan, entity }: Pick<UtilizationRequest, 'plan' | 'entity'>,
): Promise<Iterable<ZoneGroup>> {
  const customers: Map<string, Customer> = await loadCustomers(catalog, ids);
  const groups = new Map<string, ZoneGroup & { ids: string[] }>();
  for (const id of ids) {
    const customer = customers.get(id);
    if (plan !== undefined && customer?.plan !== plan) continue;
    const timezone = customer?.timezone ?? 'UTC';
    const group = groups.get(timezone) ?? { timezone, ids: [], customers, entity };
    groups.set(timezone, group);
    group.ids.push(id);
  }
  return groups.values();
}

const inOrder = (left: UtilizationFact, right: UtilizationFact): number =>
  compare(left.customer, right.customer) ||
  Number(left.feature === '') - Number(right.feature === '') ||
  compare(left.feature, right.feature) ||
  compare(left.meter, right.meter);

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
