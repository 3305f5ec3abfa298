import { z } from 'zod';
import { DENIAL_REASONS, idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { formatSum, sumSchema } from './amounts.js';
import { type ReportCatalog, scaleOf } from './catalog.js';
import { ledgerPage, placeBefore } from './ledger-page.js';
import { cursorParameter, customerParameter, formatParameter, instantParameter, limitParameter } from './parameters.js';
import type { Columns } from './parquet.js';
import { toInstant } from './periods.js';

const denials = loadQuery('denials');

const ROWS_DEFAULT = 100;
const ROWS_MAX = 10_000;

export const denialsParameters = z.strictObject({
  customer: customerParameter,
  feature: idSchema.optional(),
  reason: z.enum(DENIAL_REASONS).optional(),
  from: instantParameter,
  to: instantParameter,
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

const rowSchema = z.object({
  atMs: z.coerce.number(),
  customer: z.string(),
  entity: z.string(),
  feature: z.string(),
  meter: z.string(),
  reason: z.string(),
  deniedBy: z.array(z.string()),
  amount: sumSchema,
  count: z.number(),
  limitIds: z.array(z.string()),
  limitUsed: z.array(sumSchema),
  limitIncluded: z.array(sumSchema),
  version: z.number(),
  shard: z.string(),
  outboxMs: z.number(),
  outboxSeq: z.number(),
  index: z.number(),
});

/** What CSV has of a denial: all but the numbers of each limit. */
export const DENIALS_COLUMNS = {
  at: 'instant',
  customer: 'text',
  entity: 'text',
  feature: 'text',
  meter: 'text',
  reason: 'text',
  deniedBy: 'texts',
  amount: 'amount',
  count: 'count',
  version: 'count',
} as const satisfies Columns;

export interface DenialsRequest {
  /** '' for all, also below. */
  readonly customer: string;
  readonly feature: string;
  readonly reason: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** The denial ledger, newest first. One row stands for `count` denials of one call; `amount` is their sum. */
export async function denialRows(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: DenialsRequest,
): Promise<{ rows: Record<string, unknown>[]; nextCursor?: string }> {
  const { cursor, ...filter } = request;
  const read = await clickhouse.query(
    denials,
    { ...filter, ...placeBefore(cursor), limit: request.limit + 1 },
    rowSchema,
  );
  return ledgerPage(read, request.limit, (row) => {
    const scale = scaleOf(catalog, row.meter);
    return {
      at: toInstant(row.atMs),
      customer: row.customer,
      ...(row.entity === '' ? {} : { entity: row.entity }),
      feature: row.feature,
      meter: row.meter,
      reason: row.reason,
      deniedBy: row.deniedBy,
      amount: formatSum(row.amount, scale),
      count: row.count,
      limits: Object.fromEntries(
        row.limitIds.map((id, index) => [
          id,
          {
            used: formatSum(row.limitUsed[index] ?? 0n, scale),
            included: formatSum(row.limitIncluded[index] ?? 0n, scale),
          },
        ]),
      ),
      version: row.version,
    };
  });
}
