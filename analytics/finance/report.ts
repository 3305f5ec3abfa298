import { z } from 'zod';
import { idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { type CustomerFilter, customerPages } from '../reports/customer-pages.js';
import { customerParameter, formatParameter, instantParameter } from '../reports/parameters.js';
import { monthPeriod, toInstant } from '../reports/periods.js';
import type { ReportStream } from '../reports/report-stream.js';
import { adjustmentPages } from './adjustments.js';
import { catalogAsOf } from './catalog-as-of.js';
import { type BookedLine, type Closing, frozenPages, readClosings } from './closings.js';
import { type Figure, inOrder } from './figure.js';
import { figuresOf } from './figures.js';
import { FINANCE_COLUMNS, type FinanceRow, FinanceTotals, financeRow } from './rows.js';

/** Customers of one round of queries: what is held at a time is their lines. */
const PAGE_CUSTOMERS = 5_000;

export const financeParameters = z.strictObject({
  /** A calendar month, `2026-11`. */
  period: z.string().max(20),
  customer: customerParameter,
  plan: idSchema.optional(),
  /** Only what was booked by then; left out, all. */
  asOf: instantParameter,
  format: formatParameter,
});

export interface FinanceRequest extends Omit<CustomerFilter, 'entity'> {
  readonly period: string;
  readonly asOfMs: number | undefined;
}

/**
 * The finance report of a month, streamed. A closed month has the lines that its closing kept; any other has those of the
 * ledger, and the first one after the last closed month also what came since for closed ones (`adjusts`).
 *
 * @param nowMs for what the catalog was at the end of the month.
 * @throws WeirError `invalid_period`.
 */
export async function financeReport(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: FinanceRequest,
  nowMs: number,
): Promise<ReportStream<FinanceRow>> {
  const { period, asOfMs } = request;
  const { endMs } = monthPeriod(period);
  const closings = await readClosings(clickhouse, asOfMs);
  const closing = closings.find((each) => each.period === period);
  const totals = new FinanceTotals();
  async function* rows(): AsyncGenerator<FinanceRow[]> {
    const then = asOfMs === undefined ? endMs - 1 : Math.min(endMs - 1, asOfMs);
    const lines =
      closing === undefined
        ? openPages(
            clickhouse,
            then < nowMs ? await catalogAsOf(clickhouse, catalog, then) : catalog,
            request,
            closings,
          )
        : closedPages(clickhouse, closing, request);
    for await (const page of lines) {
      for (const line of page) totals.add(line, line.adjusts !== '');
      yield page.map((line) => financeRow(period, line, line.adjusts === '' ? null : line.adjusts));
    }
  }
  return {
    name: `finance-${period}`,
    columns: FINANCE_COLUMNS,
    head: {
      period,
      asOf: asOfMs === undefined ? null : toInstant(asOfMs),
      status: closing === undefined ? 'open' : 'closed',
      closedAt: closing === undefined ? null : toInstant(closing.closedAtMs),
    },
    pages: rows(),
    tail: () => ({ totals: totals.toJson() }),
  };
}

async function* closedPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  closing: Closing,
  request: FinanceRequest,
): AsyncGenerator<BookedLine[]> {
  yield* frozenPages(clickhouse, closing, false, request);
  yield* frozenPages(clickhouse, closing, true, request);
}

/** What an open month has by now: what its closing would keep. */
export async function* openPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: FinanceRequest,
  closings: readonly Closing[],
): AsyncGenerator<BookedLine[]> {
  for await (const page of livePages(clickhouse, catalog, request)) {
    yield page.map((line) => ({ ...line, adjusts: '' }));
  }
  const last = closings.at(-1);
  if (last === undefined || monthAfter(last.period) !== request.period) return;
  yield* adjustmentPages(clickhouse, catalog, { filter: request, closings, asOfMs: request.asOfMs });
}

/** `2026-12` → `2027-01`. */
export function monthAfter(month: string): string {
  return toInstant(monthPeriod(month).endMs).slice(0, 7);
}

/** The lines of a month as the ledger has them, a page of customers at a time, in order. */
async function* livePages(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: FinanceRequest,
): AsyncGenerator<Figure[]> {
  const bounds = { after: '', limit: Number.POSITIVE_INFINITY, page: PAGE_CUSTOMERS };
  for await (const { groups } of customerPages(clickhouse, catalog, monthPeriod(request.period), request, bounds)) {
    const figures = await Promise.all(
      groups.map((group) => figuresOf(clickhouse, catalog, request.period, group, request.asOfMs)),
    );
    yield figures.flat().sort(inOrder);
  }
}
