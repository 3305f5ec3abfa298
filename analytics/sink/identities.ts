import { CATALOG_SHARD } from '../../engine/contract/fact.js';
import type { EntryIdentity } from './fact-columns.js';

export type TableName = 'usage_facts' | 'denials' | 'catalog_changes';

/** Tables that a shard's entries have rows in. */
export const tablesOf = (shard: string): readonly TableName[] =>
  shard === CATALOG_SHARD ? ['catalog_changes'] : ['usage_facts', 'denials'];

/** Order of entries: by shard apart, within it by epoch and outbox id. */
export function compareEntries(left: EntryIdentity, right: EntryIdentity): number {
  if (left.epoch !== right.epoch) return left.epoch - right.epoch;
  if (left.outboxMs !== right.outboxMs) return left.outboxMs - right.outboxMs;
  return left.outboxSeq - right.outboxSeq;
}

export const entryKey = ({ epoch, shard, outboxMs, outboxSeq }: EntryIdentity): string =>
  `${epoch} ${shard} ${outboxMs}-${outboxSeq}`;

/** Per shard the greatest entry; asked whether another one lies at or before it. */
export class HighWater {
  readonly #greatest = new Map<string, EntryIdentity>();

  /** True once an entry of the same shard and epoch was raised. */
  knows(entry: EntryIdentity): boolean {
    return this.#greatest.get(entry.shard)?.epoch === entry.epoch;
  }

  raise(entry: EntryIdentity): void {
    const known = this.#greatest.get(entry.shard);
    if (known === undefined || compareEntries(entry, known) > 0) this.#greatest.set(entry.shard, entry);
  }

  covers(entry: EntryIdentity): boolean {
    const known = this.#greatest.get(entry.shard);
    return known !== undefined && compareEntries(entry, known) <= 0;
  }
}

/** A span of one shard's entries, both ends included. */
export interface EntrySpan {
  readonly epoch: number;
  readonly shard: string;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Identities of rows that ClickHouse has, of the spans that were asked for. */
export class KnownRows {
  readonly #rows = new Set<string>();

  add(table: TableName, entry: EntryIdentity, index: number): void {
    this.#rows.add(rowKey(table, entry, index));
  }

  has(table: TableName, entry: EntryIdentity, index: number): boolean {
    return this.#rows.has(rowKey(table, entry, index));
  }

  get size(): number {
    return this.#rows.size;
  }
}

const rowKey = (table: TableName, entry: EntryIdentity, index: number): string =>
  `${table} ${entryKey(entry)} ${index}`;

/** The spans of a list of entries, one per shard and epoch. */
export function spansOf(entries: Iterable<EntryIdentity>): EntrySpan[] {
  const spans = new Map<string, EntrySpan>();
  for (const entry of entries) {
    const key = `${entry.epoch} ${entry.shard}`;
    const span = spans.get(key);
    spans.set(key, {
      epoch: entry.epoch,
      shard: entry.shard,
      firstMs: Math.min(span?.firstMs ?? entry.outboxMs, entry.outboxMs),
      lastMs: Math.max(span?.lastMs ?? entry.outboxMs, entry.outboxMs),
    });
  }
  return [...spans.values()];
}
