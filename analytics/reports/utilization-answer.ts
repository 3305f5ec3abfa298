import { z } from 'zod';
import type { Reply } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import type { ReportCatalog } from './catalog.js';
import { csvReply, decodeCursor, encodeCursor } from './output.js';
import { type UtilizationRequest, utilizationPages } from './utilization.js';
import { UTILIZATION_COLUMNS, type UtilizationRow, UtilizationTotals, utilizationRow } from './utilization-rows.js';

export { utilizationParameters } from './utilization.js';

type AnswerRequest = Omit<UtilizationRequest, 'after'> & { readonly cursor: string | undefined };

const placeSchema = z.tuple([z.string()]);

const requestOf = ({ cursor, ...rest }: AnswerRequest): UtilizationRequest => ({
  ...rest,
  after: decodeCursor(cursor, (place) => placeSchema.parse(place)[0]) ?? '',
});

/** The report as JSON: rows, their totals, and where to go on when there are more customers than `limit`. */
export async function utilizationAnswer(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: AnswerRequest,
): Promise<{
  period: string;
  entity?: string;
  rows: UtilizationRow[];
  totals: Record<string, unknown>;
  nextCursor?: string;
}> {
  const rows: UtilizationRow[] = [];
  const totals = new UtilizationTotals();
  let next: string | undefined;
  for await (const page of utilizationPages(clickhouse, catalog, requestOf(request))) {
    for (const fact of page.facts) {
      rows.push(utilizationRow(fact));
      totals.add(fact);
    }
    next = page.more ? encodeCursor([page.last]) : undefined;
  }
  const { period, entity } = request;
  const answer = {
    period,
    ...(entity === undefined ? {} : { entity }),
    rows,
    totals: totals.toJson((meter) => catalog.meter(meter)?.unit),
  };
  return next === undefined ? answer : { ...answer, nextCursor: next };
}

/** The report as CSV, a page of customers at a time: memory does not grow with the number of customers. */
export async function utilizationCsv(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: AnswerRequest,
): Promise<Reply> {
  const pages = utilizationPages(clickhouse, catalog, requestOf(request));
  // The first page is read before the answer begins, so that a fault has its status.
  const first = await pages.next();
  async function* rows(): AsyncGenerator<UtilizationRow[]> {
    if (first.done === true) return;
    yield first.value.facts.map(utilizationRow);
    for await (const page of pages) yield page.facts.map(utilizationRow);
  }
  return csvReply(`utilization-${request.period}`, Object.keys(UTILIZATION_COLUMNS), rows());
}
