import { WeirError } from '../../engine/index.js';
import type { Reply, RequestContext } from '../../ingest/http/index.js';

export const FORMATS = ['json', 'csv', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

const PARQUET = 'application/vnd.apache.parquet';

/** One line of a report: flat, or with lists that CSV joins by a space. */
export type ReportRow = Readonly<Record<string, unknown>>;

/** The format by `?format=`, else by Accept; JSON when nothing else is wanted. @throws WeirError `invalid_request` */
export function formatOf(context: Pick<RequestContext, 'query' | 'header'>): Format {
  const asked = context.query.get('format');
  if (asked !== null) {
    const format = FORMATS.find((each) => each === asked);
    if (format === undefined)
      throw new WeirError('invalid_request', `format is ${FORMATS.join(', ')}`, { field: 'format' });
    return format;
  }
  const accept = context.header('accept');
  if (accept.includes('application/json')) return 'json';
  return accept.includes('text/csv') ? 'csv' : accept.includes(PARQUET) ? 'parquet' : 'json';
}

const LINES_PER_CHUNK = 1_000;

/** Rows as CSV by RFC 4180, a heading first, in chunks of some hundred kilobytes. */
export async function* csvChunks(
  columns: readonly string[],
  pages: AsyncIterable<readonly ReportRow[]> | Iterable<readonly ReportRow[]>,
): AsyncGenerator<string> {
  let text = `${columns.map(csvField).join(',')}\r\n`;
  let lines = 1;
  for await (const rows of pages) {
    for (const row of rows) {
      text += `${columns.map((column) => csvField(row[column])).join(',')}\r\n`;
      lines += 1;
      if (lines === LINES_PER_CHUNK) {
        yield text;
        text = '';
        lines = 0;
      }
    }
    // Whoever looks on sees the page at once.
    if (text !== '') yield text;
    text = '';
    lines = 0;
  }
  if (text !== '') yield text;
}

function csvField(value: unknown): string {
  const text = value === null || value === undefined ? '' : Array.isArray(value) ? value.join(' ') : scalarText(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const scalarText = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

/** A CSV answer, streamed. */
export function csvReply(
  name: string,
  columns: readonly string[],
  pages: AsyncIterable<readonly ReportRow[]> | Iterable<readonly ReportRow[]>,
): Reply {
  return {
    status: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${name}.csv"`,
    },
    chunks: csvChunks(columns, pages),
  };
}

/** A place in a list, opaque to the caller. */
export const encodeCursor = (place: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url');

/**
 * The page of the `limit + 1` rows that were read, and the cursor of the next one where there is one.
 * @param placeOf where a row stands in the list.
 */
export function pageOf<Row>(
  read: readonly Row[],
  limit: number,
  placeOf: (row: Row) => readonly (string | number)[],
): { readonly shown: Row[]; readonly next: { readonly nextCursor?: string } } {
  const shown = read.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = last !== undefined && read.length > limit;
  return { shown, next: hasMore ? { nextCursor: encodeCursor(placeOf(last)) } : {} };
}

/** @throws WeirError `invalid_request` for a cursor that no answer carried. */
export function decodeCursor<T>(cursor: string | undefined, parse: (place: unknown) => T): T | undefined {
  if (cursor === undefined || cursor === '') return undefined;
  try {
    return parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new WeirError('invalid_request', 'cursor is none of ours', { field: 'cursor' });
  }
}
