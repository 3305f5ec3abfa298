import { z } from 'zod';
import { idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import type { ReportCatalog } from './catalog.js';
import { customerPages } from './customer-pages.js';
import { cursorParameter, customerParameter, entityParameter, formatParameter, limitParameter } from './parameters.js';
import { monthPeriod } from './periods.js';
import { type UtilizationFact, utilizationOf } from './utilization-facts.js';

const CUSTOMERS_DEFAULT = 10_000;
const CUSTOMERS_MAX = 1_000_000;
/** Customers of one round of queries: as many as are held at a time. */
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
  const { after, limit, ...filter } = request;
  const bounds = { after, limit, page: PAGE_CUSTOMERS };
  for await (const page of customerPages(clickhouse, catalog, monthPeriod(request.period), filter, bounds)) {
    const facts = await Promise.all(
      page.groups.map((group) => utilizationOf(clickhouse, catalog, request.period, group)),
    );
    yield { facts: facts.flat().sort(inOrder), last: page.last, more: page.more };
  }
}

const inOrder = (left: UtilizationFact, right: UtilizationFact): number =>
  compare(left.customer, right.customer) ||
  Number(left.feature === '') - Number(right.feature === '') ||
  compare(left.feature, right.feature) ||
  compare(left.meter, right.meter);

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
