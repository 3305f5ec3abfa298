import type { ObjectType } from '../contract/catalog.js';

/**
 * How objects and changes are spelled in Redis. Both are JSON, put together from the canonical JSON of the bodies, so
 * that a body can be compared as text without being read.
 *
 *   object   [owner,version,body]
 *   change   contract/fact.ts CatalogChange; its fields in the stream: j (the JSON), v (the version), i and n (its index
 *            among the n changes of that version)
 */
export interface StoredText {
  /** The source that brought it: `file`, `api` … */
  readonly owner: string;
  /** Catalog version of its last change. */
  readonly version: number;
  /** The body as `storedText` spells it. */
  readonly text: string;
}

const HEAD = /^\[("(?:[^"\\]|\\.)*"),(\d+),/;

export function encodeStored(stored: StoredText): string {
  return `[${JSON.stringify(stored.owner)},${stored.version},${stored.text}]`;
}

/** @throws Error when the text was not written by encodeStored. */
export function decodeStored(json: string): StoredText {
  const head = HEAD.exec(json);
  if (head === null) throw new Error('a catalog object in Redis cannot be read');
  const [all, owner = '""', version] = head;
  return { owner: String(JSON.parse(owner)), version: Number(version), text: json.slice(all.length, -1) };
}

/** An object to write, delete or create, with its bodies as canonical JSON; null where there is none. */
export interface ObjectChange {
  readonly type: ObjectType;
  readonly id: string;
  readonly before: string | null;
  readonly after: string | null;
}

export interface ChangeStamp {
  readonly version: number;
  /** Redis's clock, ms since 1970. */
  readonly atMs: number;
  readonly actor: string;
  readonly owner: string;
}

/** A CatalogChange as JSON. */
export function encodeChange(stamp: ChangeStamp, change: ObjectChange): string {
  return (
    `{"version":${stamp.version},"atMs":${stamp.atMs},"actor":${JSON.stringify(stamp.actor)},` +
    `"owner":${JSON.stringify(stamp.owner)},"type":${JSON.stringify(change.type)},"id":${JSON.stringify(change.id)},` +
    `"before":${change.before ?? 'null'},"after":${change.after ?? 'null'}}`
  );
}
