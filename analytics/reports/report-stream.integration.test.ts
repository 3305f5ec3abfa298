import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Customer, catalogSchema, customerSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { financeReport } from '../finance/report.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import type { ReportCatalog } from './catalog.js';
import type { ReportStream } from './report-stream.js';
import { utilizationStream } from './utilization-answer.js';

const CUSTOMERS = 22_000;
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

beforeAll(async () => {
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

afterAll(() => ledger.close());

/** Counts the rows that were read of the ledger, each of which becomes one of the report: they name a meter. */
class Watch {
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  read = 0;

  constructor(clickhouse: ClickHouse) {
    this.clickhouse = {
      query: async (sql, parameters, schema) => {
        const rows = await clickhouse.query(sql, parameters, schema);
        if (rows.some((row) => typeof row === 'object' && row !== null && 'meter' in row)) this.read += rows.length;
        return rows;
      },
    };
  }
}

/** How many rows there are, and how many of those that were read had not been passed on, at the most. */
async function heldOf(watch: Watch, report: ReportStream): Promise<{ rows: number; heldMax: number }> {
  let rows = 0;
  let heldMax = 0;
  for await (const page of report.pages) {
    heldMax = Math.max(heldMax, watch.read - rows);
    rows += page.length;
  }
  return { rows, heldMax };
}

it('the finance report holds the rows of 5 000 customers, however many there are', async () => {
  const watch = new Watch(ledger.clickhouse);
  const request = { period: '2026-11', customer: '', plan: undefined, asOfMs: undefined };
  const report = await financeReport(watch.clickhouse, catalog, request, NOVEMBER);
  expect(await heldOf(watch, report)).toEqual({ rows: 2 * CUSTOMERS, heldMax: 10_000 });
});

it('the utilization report holds what was read of 5 000 customers', async () => {
  const watch = new Watch(ledger.clickhouse);
  const request = { period: '2026-11', customer: '', plan: undefined, limit: 1_000_000, cursor: undefined };
  const report = utilizationStream(watch.clickhouse, catalog, request);
  expect(await heldOf(watch, report)).toEqual({ rows: CUSTOMERS, heldMax: 5_000 });
});
