import { CATALOG_OUTBOX_KEY } from '../store/keys.js';
import { canonicalJson } from './canonical.js';
import { listReply, numberReply, textReply } from './redis.js';

/** One entry of the catalog's outbox: a change, and its place among those of its version. */
export interface OutboxChange {
  /** Of the entry: `ms-seq`. */
  readonly entryId: string;
  readonly version: number;
  /** From 0 to total − 1. */
  readonly index: number;
  readonly total: number;
  /** The CatalogChange as JSON. */
  readonly json: string;
}

export interface ChangedObject {
  readonly type: string;
  readonly id: string;
  /** Canonical JSON; null when it was deleted. */
  readonly after: string | null;
}

/** Entries of a stream as XRANGE gives them: `[id, [field, value, …]]`. @throws Error for entries of another kind. */
export function readEntries(reply: unknown): OutboxChange[] {
  return listReply(reply).map((entry) => {
    const [entryId, flat] = listReply(entry);
    const [, json, , version, , index, , total] = listReply(flat);
    return {
      entryId: textReply(entryId),
      version: numberReply(version),
      index: numberReply(index),
      total: numberReply(total),
      json: textReply(json),
    };
  });
}

/** Entries of this stream as XREAD gives them, none when it timed out. */
export function readStreamReply(reply: unknown): OutboxChange[] {
  if (reply === null) return [];
  for (const stream of listReply(reply)) {
    const [key, entries] = listReply(stream);
    if (key === CATALOG_OUTBOX_KEY) return readEntries(entries);
  }
  return [];
}

/** What a change says of its object. @throws Error for JSON that is no CatalogChange. */
export function readChange(json: string): ChangedObject {
  const change: unknown = JSON.parse(json);
  if (typeof change !== 'object' || change === null || !('type' in change && 'id' in change && 'after' in change)) {
    throw new Error('an entry of the catalog outbox is no change');
  }
  const { type, id, after } = change;
  return { type: textReply(type), id: textReply(id), after: after === null ? null : canonicalJson(after) };
}

/** Order of two ids of a stream: negative, 0 or positive. */
export function compareEntryIds(a: string, b: string): number {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs - bMs || aSeq - bSeq;
}
