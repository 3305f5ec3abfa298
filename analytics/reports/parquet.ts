import type { Reply } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import type { ReportRow } from './output.js';

/**
 * Types of columns in a Parquet file. Amounts are decimals, since a double would lose digits; instants are timestamps
 * in milliseconds, UTC.
 */
export type ColumnType = 'text' | 'amount' | 'count' | 'percent' | 'instant' | 'day' | 'texts';

export type Columns = Readonly<Record<string, ColumnType>>;

const CLICKHOUSE_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'Nullable(String)',
  amount: 'Nullable(Decimal(38, 9))',
  count: 'Nullable(Int64)',
  percent: 'Nullable(Float64)',
  instant: "Nullable(DateTime64(3, 'UTC'))",
  day: 'Nullable(Date32)',
  texts: 'Array(String)',
};

/**
 * Rows as a Parquet file. ClickHouse writes it, from the very rows that the other formats show: no second reading of
 * the ledger that could differ, and no library for one format.
 */
export async function parquetReply(
  clickhouse: Pick<ClickHouse, 'bytes'>,
  name: string,
  columns: Columns,
  rows: readonly ReportRow[],
): Promise<Reply> {
  const names = Object.keys(columns);
  const structure = names
    .map((column) => `\`${column.replaceAll('`', '')}\` ${CLICKHOUSE_TYPES[columns[column] ?? 'text']}`)
    .join(', ');
  // `format` wants a row even where there is none to show; the limit takes it away again.
  const lines = (rows.length === 0 ? [{}] : rows).map((row: ReportRow) =>
    JSON.stringify(names.map((column) => shown(row[column], columns[column]))),
  );
  const source = `format(JSONCompactEachRow, ${quoted(structure)}, ${quoted(lines.join('\n'))})`;
  const sql = `SELECT * FROM ${source} LIMIT ${rows.length} FORMAT Parquet`;
  return {
    status: 200,
    headers: {
      'content-type': 'application/vnd.apache.parquet',
      'content-disposition': `attachment; filename="${name}.parquet"`,
    },
    bytes: await clickhouse.bytes(sql, {
      date_time_input_format: 'best_effort',
      // The rows stand in the query.
      max_query_size: String(sql.length * 4 + 1_000_000),
    }),
  };
}

function shown(value: unknown, type: ColumnType | undefined): unknown {
  if (type === 'texts') return Array.isArray(value) ? value : [];
  if (value === null || value === undefined) return null;
  return type === 'text' && typeof value === 'object' ? JSON.stringify(value) : value;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
