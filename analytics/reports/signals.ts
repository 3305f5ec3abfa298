import { z } from 'zod';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { decodeCursor, pageOf } from './output.js';
import { cursorParameter, customerParameter, formatParameter, limitParameter } from './parameters.js';
import type { Columns } from './parquet.js';
import { toInstant } from './periods.js';

const signals = loadQuery('signals');

const ROWS_DEFAULT = 100;
const ROWS_MAX = 10_000;
const KINDS = ['upsell', 'churn'] as const;
const STATES = ['open', 'snoozed', 'done', 'gone'] as const;

export const signalsParameters = z.strictObject({
  kind: z.enum(KINDS).optional(),
  /** Left out: all but those that are gone. */
  state: z.enum(STATES).optional(),
  customer: customerParameter,
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

const rowSchema = z.object({
  id: z.string(),
  kind: z.enum(KINDS),
  rule: z.string(),
  customer: z.string(),
  plan: z.string(),
  feature: z.string(),
  limitId: z.string(),
  score: z.number(),
  reason: z.string(),
  numbers: z.string().transform((text): unknown => JSON.parse(text)),
  firstSeenMs: z.coerce.number(),
  lastSeenMs: z.coerce.number(),
  shownState: z.enum(STATES),
  snoozedUntilMs: z.string().transform(Number).nullable(),
  changedBy: z.string(),
});

export const SIGNALS_COLUMNS = {
  id: 'text',
  kind: 'text',
  rule: 'text',
  customer: 'text',
  plan: 'text',
  feature: 'text',
  limit: 'text',
  score: 'count',
  reason: 'text',
  numbers: 'text',
  firstSeen: 'instant',
  lastSeen: 'instant',
  state: 'text',
  snoozedUntil: 'instant',
  changedBy: 'text',
} as const satisfies Columns;

export type SignalRow = {
  readonly id: string;
  readonly kind: (typeof KINDS)[number];
  readonly rule: string;
  readonly customer: string;
  readonly plan: string;
  /** Null where the rule is about the customer as a whole; so is `limit` where it is about none. */
  readonly feature: string | null;
  readonly limit: string | null;
  readonly score: number;
  readonly reason: string;
  readonly numbers: unknown;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly state: (typeof STATES)[number];
  readonly snoozedUntil: string | null;
  /** Id of the key that gave it its state; null when nobody did. */
  readonly changedBy: string | null;
};

export interface SignalsRequest {
  /** '' for all, also below. */
  readonly kind: string;
  readonly state: string;
  readonly customer: string;
  readonly limit: number;
  readonly cursor: string | undefined;
}

const placeSchema = z.tuple([z.int(), z.string(), z.string()]);
/** Before any row. */
const START = [101, '', ''] as const;

/** Signals with the state they have now, the highest score first. */
export async function signalRows(
  clickhouse: Pick<ClickHouse, 'query'>,
  request: SignalsRequest,
  nowMs: number,
): Promise<{ rows: SignalRow[]; nextCursor?: string }> {
  const { cursor, limit, ...filter } = request;
  const [afterScore, afterCustomer, afterId] = decodeCursor(cursor, (place) => placeSchema.parse(place)) ?? START;
  const place = { afterScore, afterCustomer, afterId };
  const read = await clickhouse.query(signals, { ...filter, ...place, id: '', nowMs, limit: limit + 1 }, rowSchema);
  const { shown, next } = pageOf(read, limit, (last) => [last.score, last.customer, last.id]);
  return { rows: shown.map(toRow), ...next };
}

/** One signal by its id, also one that is gone. */
export async function signalOf(
  clickhouse: Pick<ClickHouse, 'query'>,
  id: string,
  nowMs: number,
): Promise<SignalRow | undefined> {
  const [afterScore, afterCustomer, afterId] = START;
  const parameters = { id, kind: '', state: '', customer: '', nowMs, limit: 1, afterScore, afterCustomer, afterId };
  const [row] = await clickhouse.query(signals, parameters, rowSchema);
  return row && toRow(row);
}

function toRow(row: z.output<typeof rowSchema>): SignalRow {
  const { id, kind, rule, customer, plan, score, reason, numbers } = row;
  return {
    ...{ id, kind, rule, customer, plan },
    feature: row.feature === '' ? null : row.feature,
    limit: row.limitId === '' ? null : row.limitId,
    ...{ score, reason, numbers },
    firstSeen: toInstant(row.firstSeenMs),
    lastSeen: toInstant(row.lastSeenMs),
    state: row.shownState,
    snoozedUntil: row.snoozedUntilMs === null ? null : toInstant(row.snoozedUntilMs),
    changedBy: row.changedBy === '' ? null : row.changedBy,
  };
}
