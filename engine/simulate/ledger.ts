import { decodeEntry, type OutboxEntry } from '../contract/fact.js';
import type { RedisClient } from '../store/cluster.js';
import { outboxKey, shardName } from '../store/keys.js';

const KEY = outboxKey(shardName(0));
const FIELD_VALUE = 1;

/** The outbox as the relay would see it: every entry once, in order. */
export class Ledger {
  readonly #redis: RedisClient;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** Entries written since the last call; they are removed. */
  async take(): Promise<OutboxEntry[]> {
    const entries = await this.#redis.xrangeBuffer(KEY, '-', '+');
    const last = entries.at(-1)?.[0];
    if (last === undefined) return [];
    await this.#redis.xdel(KEY, ...entries.map(([id]) => id));
    return entries.map(([, fields]) => decodeEntry(fields[FIELD_VALUE] ?? Buffer.alloc(0)));
  }
}
