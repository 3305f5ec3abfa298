import { z } from 'zod';
import type { ClickHouse } from '../clickhouse.js';
import type { ReportCatalog } from './catalog.js';
import { decodeCursor, encodeCursor } from './output.js';
import type { ReportStream } from './report-stream.js';
import { type UtilizationRequest, utilizationPages } from './utilization.js';
import { UTILIZATION_COLUMNS, type UtilizationRow, UtilizationTotals, utilizationRow } from './utilization-rows.js';

export { utilizationParameters } from './utilization.js';

type AnswerRequest = Omit<UtilizationRequest, 'after'> & { readonly cursor: string | undefined };

const placeSchema = z.tuple([z.string()]);

const requestOf = ({ cursor, ...rest }: AnswerRequest): UtilizationRequest => ({
  ...rest,
  after: decodeCursor(cursor, (place) => placeSchema.parse(place)[0]) ?? '',
});

/** The report as it is read: a page of customers at a time, and after the rows their totals and where to go on. */
export function utilizationStream(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: AnswerRequest,
): ReportStream<UtilizationRow, { totals: Record<string, unknown>; nextCursor?: string }> {
  const { period, entity } = request;
  const totals = new UtilizationTotals();
  let next: string | undefined;
  async function* rows(): AsyncGenerator<UtilizationRow[]> {
    for await (const page of utilizationPages(clickhouse, catalog, requestOf(request))) {
      for (const fact of page.facts) totals.add(fact);
      next = page.more ? encodeCursor([page.last]) : undefined;
      yield page.facts.map(utilizationRow);
    }
  }
  return {
    name: `utilization-${period}`,
    columns: UTILIZATION_COLUMNS,
    head: { period, ...(entity === undefined ? {} : { entity }) },
    pages: rows(),
    tail: () => ({
      totals: totals.toJson((meter) => catalog.meter(meter)?.unit),
      ...(next === undefined ? {} : { nextCursor: next }),
    }),
  };
}
