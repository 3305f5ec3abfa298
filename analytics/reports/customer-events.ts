import { z } from 'zod';
import { idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { formatSum, sumSchema } from './amounts.js';
import { type ReportCatalog, scaleOf } from './catalog.js';
import { ledgerPage, placeBefore } from './ledger-page.js';
import { cursorParameter, formatParameter, instantParameter, limitParameter } from './parameters.js';
import type { Columns } from './parquet.js';
import { toInstant } from './periods.js';

const customerEvents = loadQuery('customer-events');

const ROWS_DEFAULT = 50;
const ROWS_MAX = 10_000;

export const customerEventsParameters = z.strictObject({
  feature: idSchema.optional(),
  from: instantParameter,
  to: instantParameter,
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

const rowSchema = z.object({
  atMs: z.coerce.number(),
  happenedMs: z.coerce.number(),
  entity: z.string(),
  feature: z.string(),
  meter: z.string(),
  amount: sumSchema,
  meterAmount: sumSchema,
  kind: z.string(),
  late: z.boolean(),
  source: z.string(),
  id: z.string(),
  dimensions: z.record(z.string(), z.string()),
  limitIds: z.array(z.string()),
  limitAfter: z.array(sumSchema),
  limitIncluded: z.array(sumSchema),
  version: z.number(),
  shard: z.string(),
  outboxMs: z.number(),
  outboxSeq: z.number(),
  index: z.number(),
});

/** What CSV has of a fact: all but dimensions and the numbers of each limit. */
export const CUSTOMER_EVENTS_COLUMNS = {
  at: 'instant',
  happenedAt: 'instant',
  customer: 'text',
  entity: 'text',
  feature: 'text',
  meter: 'text',
  amount: 'amount',
  kind: 'text',
  late: 'text',
  source: 'text',
  id: 'text',
  version: 'count',
} as const satisfies Columns;

export interface CustomerEventsRequest {
  readonly customer: string;
  /** '' for all. */
  readonly feature: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/**
 * What a customer was charged, newest first: a row for each fact. `amount` is what the feature's limits were charged, or
 * what the meter counted where no feature charges it; negative in a correction.
 */
export async function customerEventRows(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: CustomerEventsRequest,
): Promise<{ rows: Record<string, unknown>[]; nextCursor?: string }> {
  const { cursor, ...filter } = request;
  const read = await clickhouse.query(
    customerEvents,
    { ...filter, ...placeBefore(cursor), limit: request.limit + 1 },
    rowSchema,
  );
  return ledgerPage(read, request.limit, (row) => toRow(catalog, request.customer, row));
}

function toRow(catalog: ReportCatalog, customer: string, row: z.output<typeof rowSchema>): Record<string, unknown> {
  const scale = scaleOf(catalog, row.meter);
  const limits = row.limitIds.map((id, index) => [
    id,
    {
      after: formatSum(row.limitAfter[index] ?? 0n, scale),
      included: formatSum(row.limitIncluded[index] ?? 0n, scale),
    },
  ]);
  return {
    at: toInstant(row.atMs),
    happenedAt: toInstant(row.happenedMs),
    customer,
    ...(row.entity === '' ? {} : { entity: row.entity }),
    ...(row.feature === '' ? {} : { feature: row.feature }),
    meter: row.meter,
    amount: formatSum(row.feature === '' ? row.meterAmount : row.amount, scale),
    kind: row.kind,
    late: row.late,
    source: row.source,
    ...(row.id === '' ? {} : { id: row.id }),
    dimensions: row.dimensions,
    limits: Object.fromEntries(limits),
    version: row.version,
  };
}
