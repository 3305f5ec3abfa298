import type { RedisClient } from './cluster.js';
import { CATALOG_OUTBOX_KEY, outboxKey, shardStateKey } from './keys.js';

/** The id of a stream entry, `ms-seq`. Ids of one stream only ever grow, so their order is the order of the facts. */
export interface OutboxId {
  readonly ms: number;
  readonly seq: number;
}

export interface OutboxEntryBytes {
  readonly id: OutboxId;
  readonly bytes: Buffer;
}

/** Before every entry. */
export const OUTBOX_START: OutboxId = { ms: 0, seq: 0 };

const OUTBOX_ID = /^(\d{1,15})-(\d{1,10})$/;

/** @throws RangeError for text that is no `ms-seq`. */
export function parseOutboxId(text: string): OutboxId {
  const match = OUTBOX_ID.exec(text);
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is no outbox id`);
  return { ms: Number(match[1]), seq: Number(match[2]) };
}

export const formatOutboxId = (id: OutboxId): string => `${id.ms}-${id.seq}`;

/** Negative, 0 or positive, as `left` stands before, at or after `right`. */
export function compareOutboxIds(left: OutboxId, right: OutboxId): number {
  return left.ms === right.ms ? left.seq - right.seq : left.ms - right.ms;
}

export const laterOutboxId = (left: OutboxId, right: OutboxId): OutboxId =>
  compareOutboxIds(left, right) >= 0 ? left : right;

/**
 * The outbox of one shard, or of the catalog: a stream that the commit script appends to and the relay empties.
 * An entry is removed only when whoever came next (JetStream) has acknowledged it.
 */
export class Outbox {
  readonly key: string;
  readonly #field: string;
  readonly #redis: RedisClient;
  readonly #blocking: RedisClient;

  /**
   * @param blocking a connection that nothing else uses: a blocking read holds it until an entry comes.
   */
  constructor(options: { key: string; field: string; redis: RedisClient; blocking: RedisClient }) {
    this.key = options.key;
    this.#field = options.field;
    this.#redis = options.redis;
    this.#blocking = options.blocking;
  }

  /** The outbox of a shard: one packed entry of facts and denials a call. */
  static ofShard(shard: string, redis: RedisClient, blocking: RedisClient): Outbox {
    return new Outbox({ key: outboxKey(shard), field: 'b', redis, blocking });
  }

  /** The stream of catalog changes: one JSON document a change. Gateways read it too, so it is never emptied whole. */
  static ofCatalog(redis: RedisClient, blocking: RedisClient): Outbox {
    return new Outbox({ key: CATALOG_OUTBOX_KEY, field: 'j', redis, blocking });
  }

  /**
   * Entries after `after`, oldest first, at most `countMax`; waits up to `blockMs` for the first one.
   * @throws Error when Redis cannot be reached, or an entry has another shape.
   */
  async readAfter(after: OutboxId, countMax: number, blockMs: number): Promise<OutboxEntryBytes[]> {
    const reply: unknown = await this.#blocking.xreadBuffer(
      'COUNT',
      countMax,
      'BLOCK',
      blockMs,
      'STREAMS',
      this.key,
      formatOutboxId(after),
    );
    if (!Array.isArray(reply)) return [];
    const stream: unknown = reply[0];
    const entries: unknown = Array.isArray(stream) ? stream[1] : undefined;
    if (!Array.isArray(entries)) throw new TypeError(`XREAD of ${this.key} answered another shape`);
    return entries.map((entry) => this.#toEntry(entry));
  }

  #toEntry(entry: unknown): OutboxEntryBytes {
    if (Array.isArray(entry) && Array.isArray(entry[1])) {
      const [id, [field, bytes]]: [unknown, unknown[]] = [entry[0], entry[1]];
      if (Buffer.isBuffer(id) && Buffer.isBuffer(bytes) && String(field) === this.#field) {
        return { id: parseOutboxId(id.toString('latin1')), bytes };
      }
    }
    throw new TypeError(`${this.key} holds an entry without the field ${this.#field}`);
  }

  /** Ids of entries up to `through`, oldest first, in pages of at most `countMax` after `after`. */
  async idsBetween(after: OutboxId, through: OutboxId, countMax: number): Promise<OutboxId[]> {
    const entries = await this.#redis.xrange(
      this.key,
      `(${formatOutboxId(after)}`,
      formatOutboxId(through),
      'COUNT',
      countMax,
    );
    return entries.map(([id]) => parseOutboxId(id));
  }

  /** Removes every entry up to and including `through`: exact, and safe to repeat. Answers how many went. */
  async removeThrough(through: OutboxId): Promise<number> {
    return this.#redis.xtrim(this.key, 'MINID', formatOutboxId({ ms: through.ms, seq: through.seq + 1 }));
  }

  /** Entries that wait. */
  async length(): Promise<number> {
    return this.#redis.xlen(this.key);
  }

  /** Id of the oldest entry that waits, null when there is none. Its ms is when it was written, by Redis's clock. */
  async oldest(): Promise<OutboxId | null> {
    const [entry] = await this.#redis.xrange(this.key, '-', '+', 'COUNT', 1);
    return entry === undefined ? null : parseOutboxId(entry[0]);
  }
}

/** Epoch of a shard, the first double of its state; null while the shard is uninitialised. */
export async function readShardEpoch(redis: RedisClient, shard: string): Promise<number | null> {
  const state = await redis.getBuffer(shardStateKey(shard));
  if (state === null) return null;
  if (state.length < 16) throw new RangeError(`the state of ${shard} has ${state.length} bytes instead of 16`);
  return state.readDoubleLE(0);
}
