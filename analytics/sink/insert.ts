import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { passFailPoint } from '../../engine/platform/fail-point.js';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import type { Batch } from './batch.js';
import type { EntryIdentity } from './fact-columns.js';
import { compareEntries, KnownRows, spansOf, tablesOf } from './identities.js';

/** Ids of inserts begin with this, so that whoever comes next finds those that still run. */
const QUERY_PREFIX = 'weir-sink-';
const POLL_MS = 100;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

const highWaterQuery = loadQuery('high-water');
const highWaterSchema = z.object({ outboxMs: z.number(), outboxSeq: z.number() });
const knownRowsQuery = loadQuery('known-rows');
const knownRowsSchema = z.object({ outboxMs: z.number(), outboxSeq: z.number(), indexes: z.array(z.number()) });
const runningSchema = z.object({ running: z.coerce.number() });
const fenceSchema = z.object({ fence: z.coerce.number() });

/** Where a test may make the process, or one insert, fail. */
export type FailPoint = (step: 'before insert' | 'after insert', table: string) => void | Promise<void>;

/**
 * Puts batches into ClickHouse so that each row is there exactly once, whatever fails. A batch's inserts are tried
 * until they all succeeded; after a failure nobody knows what was inserted, so ClickHouse is asked before the rest is
 * inserted. No insert tokens, no materialized views, no async_insert: see architecture.md for what they lost.
 */
export class Inserter {
  readonly #clickhouse: ClickHouse;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #failPoint: FailPoint | undefined;
  readonly #onFailure: () => void;
  #fence = 0;
  #queries = 0;

  constructor(options: {
    clickhouse: ClickHouse;
    log: Pick<Logger, 'warn'>;
    onFailure?: () => void;
    failPoint?: FailPoint | undefined;
  }) {
    this.#clickhouse = options.clickhouse;
    this.#log = options.log;
    this.#onFailure = options.onFailure ?? (() => undefined);
    this.#failPoint = options.failPoint;
  }

  /**
   * Takes over from whoever inserted before: from here on their inserts fail, and those that run are over when this
   * resolves. Embedded, the earlier process is dead, since the folder opens in one process only.
   */
  async takeOver(): Promise<void> {
    const [last] = await this.#clickhouse.query('SELECT max(fence) AS fence FROM sink_fences', {}, fenceSchema);
    this.#fence = (last?.fence ?? 0) + 1;
    await this.#clickhouse.command('INSERT INTO sink_fences (fence) VALUES ({fence:UInt64})', { fence: this.#fence });
    await this.#untilOver();
  }

  /** Waits until no insert of a sink runs. Of a server the rest is killed: its outcome is asked for anyway. */
  async #untilOver(): Promise<void> {
    if (this.#clickhouse.embedded) return;
    const mine = `query_id LIKE '${QUERY_PREFIX}%' AND query_kind = 'Insert'`;
    for (;;) {
      // Not every user may kill; then it is waited for.
      await this.#clickhouse.command(`KILL QUERY WHERE ${mine} SYNC`).catch(() => undefined);
      const sql = `SELECT count() AS running FROM system.processes WHERE ${mine}`;
      const [row] = await this.#clickhouse.query(sql, {}, runningSchema);
      if (row?.running === 0) return;
      await delay(POLL_MS);
    }
  }

  /**
   * The greatest entry of which ClickHouse has rows, at or after the first one that this sink reads of a shard; undefined
   * when there is none, and then that one and all later ones are new. Those up to it may be there in whole or in part.
   */
  async greatestFrom(first: EntryIdentity): Promise<EntryIdentity | undefined> {
    const { epoch, shard, outboxMs: fromMs } = first;
    let greatest: EntryIdentity | undefined;
    for (const table of tablesOf(shard)) {
      const parameters = { table, epoch, shard, fromMs };
      for (const row of await this.#clickhouse.query(highWaterQuery, parameters, highWaterSchema)) {
        const entry = { epoch, shard, ...row };
        if (greatest === undefined || compareEntries(entry, greatest) > 0) greatest = entry;
      }
    }
    return greatest;
  }

  /** Which rows of these entries ClickHouse has. */
  async knownRows(entries: Iterable<EntryIdentity>): Promise<KnownRows> {
    const known = new KnownRows();
    for (const span of spansOf(entries)) {
      for (const table of tablesOf(span.shard)) {
        const parameters = { ...span, table };
        for (const row of await this.#clickhouse.query(knownRowsQuery, parameters, knownRowsSchema)) {
          for (const index of row.indexes) known.add(table, { ...span, ...row }, index);
        }
      }
    }
    return known;
  }

  /**
   * Inserts all of a batch, however often that takes.
   * @param active asked before every try; false ends it.
   * @returns false when it was ended: then some of the rows may be there.
   */
  async insert(batch: Batch, active: () => boolean): Promise<boolean> {
    let ambiguous = false;
    for (let retryMs = RETRY_MS_MIN; active(); retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      try {
        let rest = batch;
        if (ambiguous) {
          await this.#untilOver();
          rest = batch.without(await this.knownRows(batch.entries));
        }
        for (const block of rest.blocks()) {
          passFailPoint('sink 4 before insert');
          await this.#failPoint?.('before insert', block.table);
          const queryId = `${QUERY_PREFIX}${this.#fence}-${this.#queries++}`;
          await this.#clickhouse.insertBlock({ ...block, queryId, fence: this.#fence });
          passFailPoint('sink 4 after insert');
          await this.#failPoint?.('after insert', block.table);
        }
        return true;
      } catch (error) {
        ambiguous = true;
        this.#onFailure();
        this.#log.warn({ error, rows: batch.rows, retryMs }, 'an insert failed: what is there will be asked for');
        await delay(retryMs);
      }
    }
    return false;
  }
}
