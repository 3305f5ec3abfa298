import type { Reply } from '../../ingest/http/index.js';
import { csvChunks, type Format, type ReportRow } from './output.js';
import type { Columns } from './parquet.js';
import { parquetChunks } from './parquet-stream.js';

/** A report that is answered while it is read: what is held at a time is one page. */
export interface ReportStream<
  Row extends ReportRow = ReportRow,
  Tail extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>,
> {
  /** Of the file. */
  readonly name: string;
  readonly columns: Columns;
  /** What JSON has before the rows. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly pages: AsyncIterable<readonly Row[]>;
  /** What JSON has after the rows: known once they all have passed. */
  tail(): Tail;
}

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  csv: 'text/csv; charset=utf-8; header=present',
  parquet: 'application/vnd.apache.parquet',
};

/** The report in a format, streamed. A fault before the first page has its status; a later one tears the connection. */
export async function streamReply(format: Format, report: ReportStream): Promise<Reply> {
  const disposition = { 'content-disposition': `attachment; filename="${report.name}.${format}"` };
  return {
    status: 200,
    headers: { 'content-type': CONTENT_TYPES[format], ...(format === 'json' ? {} : disposition) },
    chunks: chunksOf(format, { ...report, pages: await begun(report.pages) }),
  };
}

function chunksOf(format: Format, report: ReportStream): AsyncIterable<Uint8Array | string> {
  switch (format) {
    case 'json':
      return jsonChunks(report);
    case 'csv':
      return csvChunks(Object.keys(report.columns), report.pages);
    case 'parquet':
      return parquetChunks(report.columns, report.pages);
  }
}

/** One document, `{ …head, rows, …tail }`, a page of rows a chunk. */
export async function* jsonChunks({
  head,
  pages,
  tail,
}: Omit<ReportStream, 'name' | 'columns'>): AsyncGenerator<string> {
  const opened = JSON.stringify(head).slice(0, -1);
  yield `${opened}${opened === '{' ? '' : ','}"rows":[`;
  let first = true;
  for await (const rows of pages) {
    if (rows.length === 0) continue;
    yield (first ? '' : ',') + rows.map((row) => JSON.stringify(row)).join(',');
    first = false;
  }
  const closed = JSON.stringify(tail()).slice(1);
  yield `]${closed === '}' ? '' : ','}${closed}`;
}

/** The same pages, the first of them read already: a query that fails at once is still an error answer. */
async function begun<T>(pages: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = pages[Symbol.asyncIterator]();
  let first: IteratorResult<T> | undefined = await iterator.next();
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const next = first ?? (await iterator.next());
        first = undefined;
        return next;
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
