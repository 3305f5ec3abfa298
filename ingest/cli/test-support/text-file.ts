import { LineSource } from '../replay/lines.js';
import { openRows, type Row, type RowFormat } from '../replay/rows.js';

/** Bytes as a file that arrives in pieces, so that records are cut anywhere. */
export function linesOf(content: string | Buffer, pieceBytes = 7): LineSource {
  const bytes = Buffer.from(content);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  return new LineSource(pieces());
}

/** All rows of such a file. */
export async function rowsOf(
  content: string | Buffer,
  format: RowFormat = 'csv',
  delimiter = ',',
): Promise<{ columns: readonly string[]; beginning: string; rows: Row[] }> {
  const source = await openRows(linesOf(content), format, delimiter);
  const rows: Row[] = [];
  for await (const block of source.rows()) rows.push(...block);
  return { columns: source.columns, beginning: source.beginning, rows };
}
