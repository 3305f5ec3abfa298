import type { ClickHouse } from '../clickhouse.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { utilizationStream } from '../reports/utilization-answer.js';
import type { UtilizationRow } from '../reports/utilization-rows.js';

type Request = Parameters<typeof utilizationStream>[2];

/** The utilization report as its JSON answer has it, whole. */
export async function utilizationAnswer(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: Request,
) {
  const stream = utilizationStream(clickhouse, catalog, request);
  const rows: UtilizationRow[] = [];
  for await (const page of stream.pages) rows.push(...page);
  const tail: { totals: Record<string, unknown>; nextCursor?: string } = stream.tail();
  return { ...stream.head, rows, ...tail };
}
