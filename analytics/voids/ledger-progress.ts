import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { LedgerEnd } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import type { CatchUp } from '../sink/catch-up.js';
import { HighWater, tablesOf } from '../sink/identities.js';

const highWater = loadQuery('high-water');
const highWaterSchema = z.object({ outboxMs: z.number(), outboxSeq: z.number() });
const POLL_MS = 50;

/**
 * How far ClickHouse has the ledgers. Every entry has rows in one of the two tables, and the sink inserts facts before
 * denials, in order: so whoever sees an entry sees all facts before it.
 */
export class LedgerProgress {
  readonly #clickhouse: Pick<ClickHouse, 'query'>;
  readonly #catchUp: Pick<CatchUp, 'ask'>;
  readonly #reached = new HighWater();
  readonly #waiting = new Set<LedgerEnd>();
  /** One question at a time, for all that wait. */
  #asking: Promise<void> | undefined;

  constructor(clickhouse: Pick<ClickHouse, 'query'>, catchUp: Pick<CatchUp, 'ask'>) {
    this.#catchUp = catchUp;
    this.#clickhouse = clickhouse;
  }

  /** Waits until a shard's ledger is there up to an entry. @returns false when it did not come in time. */
  async reaches(end: LedgerEnd, waitMs: number): Promise<boolean> {
    const deadline = performance.now() + waitMs;
    this.#waiting.add(end);
    try {
      while (!this.#has(end)) {
        await this.#catchUp.ask();
        this.#asking ??= this.#ask(end).finally(() => {
          this.#asking = undefined;
        });
        await this.#asking;
        if (this.#has(end)) break;
        if (performance.now() >= deadline) return false;
        await delay(POLL_MS);
      }
      return true;
    } finally {
      this.#waiting.delete(end);
    }
  }

  /** What a rebuilt Redis charges is of a later epoch. */
  #has(end: LedgerEnd): boolean {
    return this.#reached.knows(end) && this.#reached.covers(end);
  }

  async #ask({ epoch, shard }: LedgerEnd): Promise<void> {
    const ends = [...this.#waiting].filter((end) => end.shard === shard && end.epoch === epoch);
    const fromMs = Math.min(...ends.map(({ outboxMs }) => outboxMs));
    for (const table of tablesOf(shard)) {
      const rows = await this.#clickhouse.query(highWater, { table, epoch, shard, fromMs }, highWaterSchema);
      for (const row of rows) this.#reached.raise({ epoch, shard, ...row });
      if (ends.every((end) => this.#has(end))) return;
    }
  }
}
