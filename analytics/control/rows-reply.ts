import type { Reply, RequestContext } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { csvReply, formatOf, type ReportRow } from '../reports/output.js';
import { type Columns, parquetReply } from '../reports/parquet.js';

/** Rows in the format that was asked for; in CSV and Parquet the place to go on from is a header. */
export async function rowsReply(
  context: RequestContext,
  clickhouse: Pick<ClickHouse, 'bytes'>,
  name: string,
  columns: Columns,
  result: { readonly rows: readonly ReportRow[]; readonly nextCursor?: string },
): Promise<Reply> {
  const format = formatOf(context);
  if (format === 'json') return { status: 200, json: result };
  const reply =
    format === 'csv'
      ? csvReply(name, Object.keys(columns), [result.rows])
      : await parquetReply(clickhouse, name, columns, result.rows);
  return result.nextCursor === undefined
    ? reply
    : { ...reply, headers: { ...reply.headers, 'weir-next-cursor': result.nextCursor } };
}
