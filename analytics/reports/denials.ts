import { z } from 'zod';
import { DENIAL_REASONS, idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { formatSum, sumSchema } from './amounts.js';
import { type ReportCatalog, scaleOf } from './catalog.js';
import { decodeCursor, encodeCursor } from './output.js';
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

const placeSchema = z.tuple([z.int(), z.string(), z.int(), z.int(), z.int()]);
/** Later than any row. */
const END = [Number.MAX_SAFE_INTEGER, '\u{10ffff}', Number.MAX_SAFE_INTEGER, 0xffff_ffff, 0xffff_ffff] as const;

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
  const before = decodeCursor(cursor, (place) => placeSchema.parse(place)) ?? END;
  const [beforeMs, beforeShard, beforeOutboxMs, beforeOutboxSeq, beforeIndex] = before;
  const place = { beforeMs, beforeShard, beforeOutboxMs, beforeOutboxSeq, beforeIndex };
  const read = await clickhouse.query(denials, { ...filter, ...place, limit: request.limit + 1 }, rowSchema);
  const shown = read.slice(0, request.limit);
  const rows = shown.map((row) => {
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
  const last = shown.at(-1);
  if (last === undefined || read.length <= request.limit) return { rows };
  return { rows, nextCursor: encodeCursor([last.atMs, last.shard, last.outboxMs, last.outboxSeq, last.index]) };
}
