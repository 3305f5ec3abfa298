import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { ReportRow } from './output.js';
import type { Columns, ColumnType } from './parquet.js';

/** Rows of a row group at most: they are held until it is written. */
export const GROUP_ROWS_MAX = 10_000;

/** Decimal digits behind the point, as the columns of the other reports have them (parquet.ts). */
const AMOUNT_SCALE = 9;

/** Types of the stream's columns; lists of texts are joined by a space, as in CSV. */
const ELEMENTS = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  texts: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  amount: {
    type: 'FIXED_LEN_BYTE_ARRAY',
    type_length: 16,
    converted_type: 'DECIMAL',
    scale: AMOUNT_SCALE,
    precision: 38,
  },
  count: { type: 'INT64' },
  percent: { type: 'DOUBLE' },
  instant: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  day: { type: 'INT32', converted_type: 'DATE' },
} as const;

/**
 * Rows as a Parquet file, a row group at a time: what is held is one row group and the file's index. The pages are
 * gathered into groups of up to GROUP_ROWS_MAX rows, since small groups make a large file.
 */
export async function* parquetChunks(
  columns: Columns,
  pages: AsyncIterable<readonly ReportRow[]> | Iterable<readonly ReportRow[]>,
): AsyncGenerator<Uint8Array> {
  const bytes = new ByteWriter();
  const names = Object.keys(columns);
  const parquet = new ParquetWriter({
    writer: bytes,
    createdBy: 'weir',
    schema: [
      { name: 'root', num_children: names.length },
      ...names.map((name) => ({ name, repetition_type: 'OPTIONAL' as const, ...ELEMENTS[columns[name] ?? 'text'] })),
    ],
  });
  let group: ReportRow[] = [];
  const write = (): void => {
    const columnData = names.map((name) => ({
      name,
      data: group.map((row) => cellOf(row[name], columns[name] ?? 'text')),
      offsetIndex: false,
    }));
    parquet.write({ columnData, rowGroupSize: GROUP_ROWS_MAX });
    group = [];
  };
  const take = (): Uint8Array => {
    const taken = Uint8Array.from(bytes.getBytes());
    bytes.index = 0;
    return taken;
  };
  for await (const rows of pages) {
    for (const row of rows) {
      group.push(row);
      if (group.length < GROUP_ROWS_MAX) continue;
      write();
      yield take();
    }
  }
  if (group.length > 0) write();
  parquet.finish();
  yield take();
}

function cellOf(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'text':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    case 'texts':
      return Array.isArray(value) ? value.join(' ') : String(value);
    case 'amount':
      return scaled(String(value));
    case 'count':
      return BigInt(String(value));
    case 'percent':
      return Number(value);
    case 'instant':
    case 'day':
      return new Date(String(value));
  }
}

/** A decimal as a whole number of its smallest part. */
function scaled(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.replace('-', '').split('.');
  const amount = BigInt(whole + fraction.slice(0, AMOUNT_SCALE).padEnd(AMOUNT_SCALE, '0'));
  return decimal.startsWith('-') ? -amount : amount;
}
