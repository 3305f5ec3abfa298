import { decodeEntry, type OutboxEntry } from '../contract/fact.js';
import type { RedisClient } from '../store/cluster.js';
import { outboxKey, shardName } from '../store/keys.js';
import { shardsOf } from './servers.js';

const FIELD_VALUE = 1;

/** The outboxes as the relay would see them: every entry once, those of a shard in order. */
export class Ledger {
  readonly #redis: RedisClient;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** Entries written since the last call; they are removed. */
  async take(): Promise<OutboxEntry[]> {
    const shards = Array.from({ length: shardsOf(this.#redis) }, (_, index) => this.#takeShard(shardName(index)));
    return (await Promise.all(shards)).flat();
  }

  async #takeShard(shard: string): Promise<OutboxEntry[]> {
    const key = outboxKey(shard);
    const entries = await this.#redis.xrangeBuffer(key, '-', '+');
    const last = entries.at(-1)?.[0];
    if (last === undefined) return [];
    await this.#redis.xdel(key, ...entries.map(([id]) => id));
    return entries.map(([, fields]) => decodeEntry(fields[FIELD_VALUE] ?? Buffer.alloc(0)));
  }
}
