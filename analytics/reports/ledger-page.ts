import { z } from 'zod';
import { decodeCursor, pageOf } from './output.js';

/** Pages of lines of the ledger, newest first: by their time, then by their place in the outbox. */

/** Where a line stands. */
interface LedgerPlace {
  readonly atMs: number;
  readonly shard: string;
  readonly outboxMs: number;
  readonly outboxSeq: number;
  readonly index: number;
}

const placeSchema = z.tuple([z.int(), z.string(), z.int(), z.int(), z.int()]);
/** Later than any row. */
const END = [Number.MAX_SAFE_INTEGER, '\u{10ffff}', Number.MAX_SAFE_INTEGER, 0xffff_ffff, 0xffff_ffff] as const;

/** Parameters of a query for what stands before a cursor. @throws WeirError `invalid_request`. */
export function placeBefore(cursor: string | undefined): Readonly<Record<string, string | number>> {
  const before = decodeCursor(cursor, (place) => placeSchema.parse(place)) ?? END;
  const [beforeMs, beforeShard, beforeOutboxMs, beforeOutboxSeq, beforeIndex] = before;
  return { beforeMs, beforeShard, beforeOutboxMs, beforeOutboxSeq, beforeIndex };
}

/** The page of `limit + 1` rows that were asked for, with a cursor where there are more. */
export function ledgerPage<Line extends LedgerPlace, Row>(
  read: readonly Line[],
  limit: number,
  toRow: (line: Line) => Row,
): { rows: Row[]; nextCursor?: string } {
  const placeOf = ({ atMs, shard, outboxMs, outboxSeq, index }: Line) => [atMs, shard, outboxMs, outboxSeq, index];
  const { shown, next } = pageOf(read, limit, placeOf);
  return { rows: shown.map(toRow), ...next };
}
