import { z } from 'zod';
import { idSchema, OBJECT_TYPES } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { decodeCursor, pageOf } from './output.js';
import { cursorParameter, formatParameter, instantParameter, limitParameter } from './parameters.js';
import type { Columns } from './parquet.js';
import { toInstant } from './periods.js';

const audit = loadQuery('audit');

const ROWS_DEFAULT = 100;
const ROWS_MAX = 10_000;

export const auditParameters = z.strictObject({
  type: z.enum(OBJECT_TYPES).optional(),
  id: idSchema.optional(),
  actor: idSchema.optional(),
  from: instantParameter,
  to: instantParameter,
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

const jsonText = z.string().transform((text): unknown => JSON.parse(text));

const rowSchema = z.object({
  atMs: z.coerce.number(),
  version: z.number(),
  actor: z.string(),
  owner: z.string(),
  type: z.string(),
  id: z.string(),
  before: jsonText,
  after: jsonText,
  outboxMs: z.number(),
  outboxSeq: z.number(),
});

export const AUDIT_COLUMNS = {
  at: 'instant',
  version: 'count',
  actor: 'text',
  owner: 'text',
  type: 'text',
  id: 'text',
  before: 'text',
  after: 'text',
} as const satisfies Columns;

const placeSchema = z.tuple([z.int(), z.int(), z.int()]);
const END = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0xffff_ffff] as const;

export interface AuditRequest {
  /** '' for all, also below. */
  readonly type: string;
  readonly id: string;
  readonly actor: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** Changes of the catalog, newest first. */
export async function auditRows(
  clickhouse: Pick<ClickHouse, 'query'>,
  request: AuditRequest,
): Promise<{ rows: Record<string, unknown>[]; nextCursor?: string }> {
  const { cursor, ...filter } = request;
  const before = decodeCursor(cursor, (place) => placeSchema.parse(place)) ?? END;
  const [beforeVersion, beforeOutboxMs, beforeOutboxSeq] = before;
  const place = { beforeVersion, beforeOutboxMs, beforeOutboxSeq };
  const read = await clickhouse.query(audit, { ...filter, ...place, limit: request.limit + 1 }, rowSchema);
  const { shown, next } = pageOf(read, request.limit, (last) => [last.version, last.outboxMs, last.outboxSeq]);
  return { rows: shown.map(({ atMs, outboxMs, outboxSeq, ...row }) => ({ at: toInstant(atMs), ...row })), ...next };
}
