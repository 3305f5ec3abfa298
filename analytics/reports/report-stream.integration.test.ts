import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Customer, catalogSchema, customerSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { financeReport } from '../finance/report.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { numbers } from '../test-support/pipeline.js';
import type { ReportCatalog } from './catalog.js';
import { FORMATS, type Format } from './output.js';
import { type ReportStream, streamReply } from './report-stream.js';
import { utilizationStream } from './utilization-answer.js';

const CUSTOMERS = 100_000;
/** Two quotas each, so that the finance report has twice as many rows. */
const FINANCE_ROWS = 2 * CUSTOMERS;
const NOVEMBER = Date.UTC(2026, 10, 1);
const quota = (id: string, every: string) => ({ id, kind: 'quota', amount: 100, window: { every } });

const definitions = reportCatalog(
  catalogSchema.parse({
    meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
    features: [{ id: 'api', kind: 'metered', meter: 'calls' }],
    plans: [{ id: 'pro', features: { api: { limits: [quota('monthly', 'month'), quota('lifetime', 'lifetime')] } } }],
  }),
);
const customerOf = (id: string): Customer => customerSchema.parse({ id, plan: 'pro' });
const catalog: ReportCatalog = { ...definitions, customer: customerOf, loadCustomer: async (id) => customerOf(id) };

let ledger: Ledger;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'weir-stream-'));
  ledger = await Ledger.open();
  const columns = `epoch, shard, outbox_seq, charged_at, happened_at, customer, feature, meter, amount, meter_amount,
    limit_ids, limit_window_starts, limit_after, limit_included`;
  await ledger.clickhouse.command(`
    INSERT INTO usage_facts (${columns})
    SELECT 1, 's00', number, toDateTime64('2026-11-05 10:00:00', 3), toDateTime64('2026-11-05 10:00:00', 3),
      leftPad(toString(number), 6, '0'), 'api', 'calls', number % 7, number % 7,
      ['monthly', 'lifetime'], [${NOVEMBER}, 0], [1, 1], [100, 100]
    FROM numbers(${CUSTOMERS})`);
});

afterAll(async () => {
  await ledger.close();
  await rm(home, { recursive: true, force: true });
});

/** Counts the rows that were read and have not been answered yet. */
class Watch {
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  read = 0;
  answered = 0;
  heldMax = 0;

  constructor(clickhouse: ClickHouse) {
    this.clickhouse = {
      query: async (sql, parameters, schema) => {
        const rows = await clickhouse.query(sql, parameters, schema);
        // Ids of customers, which begin a page, are no rows of the report.
        if (rows.some((row) => typeof row === 'object' && row !== null && 'meter' in row)) this.read += rows.length;
        this.heldMax = Math.max(this.heldMax, this.read - this.answered);
        return rows;
      },
    };
  }

  /** The same report, whose rows are counted as they are asked for. */
  watched(report: ReportStream, readPerRow: number): ReportStream {
    const watch = this;
    async function* pages() {
      for await (const rows of report.pages) {
        yield rows;
        watch.answered += rows.length * readPerRow;
      }
    }
    return { ...report, pages: pages() };
  }
}

async function bytesOf(format: Format, report: ReportStream): Promise<{ bytes: Buffer; largest: number }> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await streamReply(format, report)).chunks ?? []) chunks.push(Buffer.from(chunk));
  return { bytes: Buffer.concat(chunks), largest: Math.max(...chunks.map((chunk) => chunk.length)) };
}

const CHUNK_BYTES_MAX = 4_000_000;
const sumOfUsed = Array.from({ length: CUSTOMERS }, (_, index) => index % 7).reduce((sum, each) => sum + each, 0);

async function check(format: Format, bytes: Buffer, rows: number, used: number): Promise<void> {
  if (format === 'json') {
    const parsed: { rows: { used: number }[]; totals: unknown } = JSON.parse(bytes.toString());
    expect(parsed.rows).toHaveLength(rows);
    expect(parsed.rows.reduce((sum, row) => sum + row.used, 0)).toBe(used);
    expect(parsed.totals).toBeDefined();
    return;
  }
  const path = join(home, `report.${format}`);
  await writeFile(path, bytes);
  const file = `file('${path}', '${format === 'csv' ? 'CSVWithNames' : 'Parquet'}')`;
  expect(await numbers(ledger.clickhouse, `SELECT count() AS n, sum(used) AS used FROM ${file}`)).toEqual({
    n: rows,
    used,
  });
}

it.each(FORMATS)(
  '200 000 rows of the finance report are answered as %s with 2 000 of them held',
  async (format) => {
    const watch = new Watch(ledger.clickhouse);
    const request = { period: '2026-11', customer: '', plan: undefined, asOfMs: undefined };
    const report = await financeReport(watch.clickhouse, catalog, request, NOVEMBER);
    const { bytes, largest } = await bytesOf(format, watch.watched(report, 1));
    expect(watch.heldMax).toBe(2_000);
    expect(watch.read).toBe(FINANCE_ROWS);
    expect(largest).toBeLessThan(CHUNK_BYTES_MAX);
    await check(format, bytes, FINANCE_ROWS, 2 * sumOfUsed);
  },
  60_000,
);

it.each(FORMATS)(
  '100 000 rows of the utilization report are answered as %s, a page of customers at a time',
  async (format) => {
    const watch = new Watch(ledger.clickhouse);
    const request = { period: '2026-11', customer: '', plan: undefined, limit: 1_000_000, cursor: undefined };
    const report = utilizationStream(watch.clickhouse, catalog, request);
    const { bytes, largest } = await bytesOf(format, watch.watched(report, 1));
    expect(watch.heldMax).toBe(5_000);
    expect(watch.read).toBe(CUSTOMERS);
    expect(largest).toBeLessThan(CHUNK_BYTES_MAX);
    await check(format, bytes, CUSTOMERS, sumOfUsed);
  },
  60_000,
);
