import { expect, it } from 'vitest';
import { FORMATS, type Format, type ReportRow } from './output.js';
import type { Columns } from './parquet.js';
import { GROUP_ROWS_MAX } from './parquet-stream.js';
import { type ReportStream, streamReply } from './report-stream.js';

const ROWS = 60_000;
const PAGE_ROWS = 5_000;
/** A second's work, on a machine that may be busy. */
const MACHINE_MS = 120_000;
const CHUNK_BYTES_MAX = 1_500_000;

const COLUMNS = {
  customer: 'text',
  start: 'instant',
  day: 'day',
  used: 'amount',
  count: 'count',
  percent: 'percent',
} as const satisfies Columns;

const rowOf = (index: number): ReportRow => ({
  customer: index % 1_000 === 0 ? null : `customer-${index}`,
  start: '2026-11-01T00:00:00.000Z',
  day: '2026-11-01',
  used: index % 2 === 0 ? index : `-${index}.000125`,
  count: index,
  percent: index / 100,
});

/** A report whose rows are made when they are asked for. */
class Made {
  made = 0;
  readonly report: ReportStream;

  constructor() {
    this.report = {
      name: 'made',
      columns: COLUMNS,
      head: { period: '2026-11' },
      pages: this.#pages(),
      tail: () => ({ totals: { rows: this.made } }),
    };
  }

  async *#pages(): AsyncGenerator<ReportRow[]> {
    while (this.made < ROWS) {
      const first = this.made;
      this.made += PAGE_ROWS;
      yield Array.from({ length: PAGE_ROWS }, (_, index) => rowOf(first + index));
    }
  }
}

/** Rows in what was answered so far, by what each format ends one with. */
const ENDS: Readonly<Record<Exclude<Format, 'parquet'>, RegExp>> = { json: /"percent":/g, csv: /\r\n/g };

it.each(FORMATS)(
  '60 000 rows are answered as %s with a page or two of them held',
  async (format) => {
    const made = new Made();
    let answered = 0;
    let heldMax = 0;
    let chunks = 0;
    let largest = 0;
    for await (const chunk of (await streamReply(format, made.report)).chunks ?? []) {
      const text = Buffer.from(chunk).toString('latin1');
      // A chunk of Parquet is a row group; the last one is the index.
      answered += format === 'parquet' ? GROUP_ROWS_MAX : (text.match(ENDS[format])?.length ?? 0);
      heldMax = Math.max(heldMax, made.made - answered);
      largest = Math.max(largest, chunk.length);
      chunks += 1;
    }
    expect(made.made).toBe(ROWS);
    expect(heldMax).toBeLessThanOrEqual(2 * PAGE_ROWS);
    expect(largest).toBeLessThan(CHUNK_BYTES_MAX);
    expect(chunks).toBeGreaterThan(ROWS / GROUP_ROWS_MAX);
  },
  MACHINE_MS,
);

it(
  'JSON has the rows between head and tail',
  async () => {
    const made = new Made();
    let text = '';
    for await (const chunk of (await streamReply('json', made.report)).chunks ?? []) text += String(chunk);
    const body: { period: string; rows: ReportRow[]; totals: unknown } = JSON.parse(text);
    expect(body).toMatchObject({ period: '2026-11', totals: { rows: ROWS } });
    expect(body.rows).toHaveLength(ROWS);
    expect(body.rows.at(-1)).toEqual(rowOf(ROWS - 1));
  },
  MACHINE_MS,
);

it('nothing more is read once the reader is gone', async () => {
  const made = new Made();
  for await (const _ of (await streamReply('csv', made.report)).chunks ?? []) break;
  expect(made.made).toBe(PAGE_ROWS);
});

it('a report that fails at once is no answer', async () => {
  const pages = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('no ledger')) }),
  };
  const report = { ...new Made().report, pages };
  await expect(streamReply('json', report)).rejects.toThrow('no ledger');
});
