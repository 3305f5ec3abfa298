import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { LedgerEnd } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { compareEntries, tablesOf } from '../sink/identities.js';

const highWater = loadQuery('high-water');
const highWaterSchema = z.object({ outboxMs: z.number(), outboxSeq: z.number() });
const POLL_MS = 50;

/**
 * Waits until ClickHouse has a shard's ledger up to an entry. Every entry has rows in one of the two tables, and the sink inserts
 * facts before denials, in order: so whoever sees the entry sees all facts before it.
 * @returns false when it did not come in time.
 */
export async function untilCaughtUp(
  clickhouse: Pick<ClickHouse, 'query'>,
  end: LedgerEnd,
  waitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    if (await isCaughtUp(clickhouse, end)) return true;
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
}

async function isCaughtUp(clickhouse: Pick<ClickHouse, 'query'>, end: LedgerEnd): Promise<boolean> {
  const { epoch, shard, outboxMs: fromMs } = end;
  for (const table of tablesOf(shard)) {
    const rows = await clickhouse.query(highWater, { table, epoch, shard, fromMs }, highWaterSchema);
    if (rows.some((row) => compareEntries({ epoch, shard, ...row }, end) >= 0)) return true;
  }
  return false;
}
