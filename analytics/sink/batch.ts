import { z } from 'zod';
import { CATALOG_SHARD } from '../../engine/contract/fact.js';
import { EntryDecoder, type RowTarget } from './decode-entry.js';
import {
  type Block,
  ChangeColumns,
  DenialColumns,
  type EntryIdentity,
  FactColumns,
  type TableColumns,
} from './fact-columns.js';
import type { KnownRows, TableName } from './identities.js';

/** One outbox entry on its way to ClickHouse. */
export interface SinkEntry extends EntryIdentity {
  readonly bytes: Buffer;
}

/** Partitions of one table in one batch; a batch that spans more is bad data or a clock gone wild, not a reason to fail. */
type Blocks<T> = Map<number, T>;

const changeSchema = z.object({
  version: z.int().min(0),
  atMs: z.int().min(0),
  actor: z.string(),
  owner: z.string(),
  type: z.string(),
  id: z.string(),
  before: z.unknown(),
  after: z.unknown(),
});

const decoder = new EntryDecoder();

/**
 * What one round of inserts carries: entries, and their rows by table and partition (a month), one insert each, so
 * that each insert becomes one part and is there whole or not at all.
 */
export class Batch {
  /** Kept until the rows are in: what an ambiguous insert left out is made again from these. */
  readonly entries: SinkEntry[] = [];
  readonly #facts: Blocks<FactColumns> = new Map();
  readonly #denials: Blocks<DenialColumns> = new Map();
  readonly #changes: Blocks<ChangeColumns> = new Map();
  readonly #target: RowTarget = {
    facts: (atMs) => blockOf(this.#facts, atMs, FactColumns),
    denials: (atMs) => blockOf(this.#denials, atMs, DenialColumns),
  };
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  /**
   * Reads an entry into the batch, but for rows that are known.
   * @returns why it cannot be read, and then none of it is in the batch; undefined when all is well.
   */
  add(entry: SinkEntry, known?: KnownRows): string | undefined {
    const marks = this.#tables().map((table) => ({ table, rows: table.rows }));
    const isKnown = known && ((table: TableName, index: number) => known.has(table, entry, index));
    try {
      if (entry.shard === CATALOG_SHARD) {
        if (isKnown?.('catalog_changes', 0) !== true) this.#addChange(entry);
      } else this.#rows += decoder.append(entry.bytes, entry, this.#target, isKnown);
    } catch (error) {
      for (const table of this.#tables()) table.truncate(marks.find((mark) => mark.table === table)?.rows ?? 0);
      return error instanceof Error ? error.message : String(error);
    }
    this.entries.push(entry);
    return undefined;
  }

  #addChange(entry: SinkEntry): void {
    const change = changeSchema.parse(JSON.parse(entry.bytes.toString('utf8')));
    const columns = blockOf(this.#changes, change.atMs, ChangeColumns);
    columns.identity.push(entry, 0);
    columns.changedAt.push(change.atMs);
    columns.version.push(change.version);
    columns.actor.push(change.actor);
    columns.owner.push(change.owner);
    columns.type.push(change.type);
    columns.id.push(change.id);
    columns.before.push(JSON.stringify(change.before ?? null));
    columns.after.push(JSON.stringify(change.after ?? null));
    this.#rows += 1;
  }

  /** The blocks to insert, none empty. */
  blocks(): Block[] {
    return this.#tables()
      .filter((table) => table.rows > 0)
      .map((table) => table.block());
  }

  /** Rows by table. */
  counts(): { table: string; rows: number }[] {
    return this.#tables().map((table) => ({ table: table.table, rows: table.rows }));
  }

  /** Facts first: who sees an entry's denials sees its facts (analytics/voids/ledger-progress.ts). */
  #tables(): TableColumns[] {
    return [...this.#facts.values(), ...this.#denials.values(), ...this.#changes.values()];
  }

  /** The same entries with only the rows that are not known. */
  without(known: KnownRows): Batch {
    const rest = new Batch();
    for (const entry of this.entries) rest.add(entry, known);
    return rest;
  }

  /** Makes it empty for another round, keeping its memory. */
  clear(): void {
    this.entries.length = 0;
    this.#rows = 0;
    // Months other than the latest are rare: their columns go.
    for (const blocks of [this.#facts, this.#denials, this.#changes]) {
      const latest = Math.max(...blocks.keys());
      for (const [month, columns] of blocks) {
        if (month === latest) columns.truncate(0);
        else blocks.delete(month);
      }
    }
  }
}

function blockOf<T>(blocks: Blocks<T>, atMs: number, Columns: new () => T): T {
  const month = monthOf(atMs);
  let columns = blocks.get(month);
  if (columns === undefined) {
    columns = new Columns();
    blocks.set(month, columns);
  }
  return columns;
}

let lastMonth = { index: Number.NaN, startMs: 0, endMs: 0 };

/** Months since 1970 in UTC: the partition, toYYYYMM. Cached, since nearly every row falls into the same one. */
function monthOf(atMs: number): number {
  if (!(atMs >= lastMonth.startMs && atMs < lastMonth.endMs)) {
    const date = new Date(atMs);
    if (!(atMs >= 0) || Number.isNaN(date.getTime())) throw new RangeError(`${atMs} is no instant`);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    const index = (year - 1970) * 12 + month;
    lastMonth = { index, startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
  }
  return lastMonth.index;
}
