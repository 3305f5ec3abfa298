import {
  ID_BUCKETS,
  ID_BUCKETS_PER_SWEEP,
  ID_RETENTION_MS,
  ID_RETENTION_MS_MIN,
  SWEPT_CUSTOMERS_MAX,
} from './contract/constants.js';
import type { RedisClient } from './store/cluster.js';
import { holdsKey, retentionKey, shardName, shardStateKey } from './store/keys.js';
import { Script } from './store/scripts.js';

const HOUR_MS = 60 * 60 * 1000;

export interface SweepOptions {
  readonly redis: RedisClient;
  readonly shards: number;
  /** Undoes a customer's expired holds by an operation of the engine. */
  readonly touch: (customer: string) => Promise<void>;
  /** Memory for remembered ids over all shards, bytes. */
  readonly idBytesMax: number;
}

/** For metrics. */
export interface SweepCounters {
  customersTouched: number;
  idsForgotten: number;
  /** Of the last whole round: ids remembered, and the bytes they take. */
  ids: number;
  idBytes: number;
  /** How long ids are remembered now, ms; the least over the shards. */
  retentionMs: number;
}

/**
 * Background work that keeps Redis bounded: holds whose customer does nothing are undone, ids past the retention are
 * removed, and where remembered ids take more than their memory the oldest hours are forgotten first.
 */
export class Sweeper {
  readonly #options: SweepOptions;
  readonly #script = new Script('sweep-ids');
  readonly #rounds: IdRound[];
  readonly counters: SweepCounters = {
    customersTouched: 0,
    idsForgotten: 0,
    ids: 0,
    idBytes: 0,
    retentionMs: ID_RETENTION_MS,
  };

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#rounds = Array.from({ length: options.shards }, () => new IdRound());
  }

  /** Undoes expired holds of up to 256 customers a shard. @returns how many customers were due. */
  async sweepHolds(): Promise<number> {
    const { redis, shards, touch } = this.#options;
    const [seconds, microseconds] = await redis.time();
    const nowMs = Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
    let due = 0;
    for (let index = 0; index < shards; index++) {
      const customers = await redis.zrangebyscore(
        holdsKey(shardName(index)),
        '-inf',
        nowMs,
        'LIMIT',
        0,
        SWEPT_CUSTOMERS_MAX,
      );
      await Promise.all(customers.map((customer) => touch(customer)));
      due += customers.length;
    }
    this.counters.customersTouched += due;
    return due;
  }

  /** Sweeps the next few hashes of every shard; a whole round is 2 048 of these. */
  async sweepIds(): Promise<void> {
    for (const [index, round] of this.#rounds.entries()) {
      const shard = shardName(index);
      const reply = await this.#script.run(
        this.#options.redis,
        [shardStateKey(shard)],
        [`{${shard}}:`, String(round.next), String(ID_BUCKETS_PER_SWEEP), String(round.retentionMs)],
      );
      this.counters.idsForgotten += round.add(integers(reply));
      if (round.next === ID_BUCKETS) await this.#finish(shard, round);
    }
  }

  async #finish(shard: string, round: IdRound): Promise<void> {
    const { redis, shards, idBytesMax } = this.#options;
    const retentionMs = round.retentionWithin(idBytesMax / shards);
    if (retentionMs === ID_RETENTION_MS) await redis.del(retentionKey(shard));
    else await redis.set(retentionKey(shard), retentionMs);
    round.restart(retentionMs);
    this.counters.ids = sum(this.#rounds.map((each) => each.lastIds));
    this.counters.idBytes = sum(this.#rounds.map((each) => each.lastBytes));
    this.counters.retentionMs = Math.min(...this.#rounds.map((each) => each.retentionMs));
  }
}

/** One round through a shard's hashes: what is remembered, by the hour of its age. */
class IdRound {
  next = 0;
  retentionMs = ID_RETENTION_MS;
  lastIds = 0;
  lastBytes = 0;
  #ids: number[] = [];
  #bytes: number[] = [];

  /** Takes a reply of the sweep. @returns ids removed. */
  add([removed = 0, ...kept]: readonly number[]): number {
    for (let hour = 0; 2 * hour < kept.length; hour++) {
      this.#ids[hour] = (this.#ids[hour] ?? 0) + (kept[2 * hour] ?? 0);
      this.#bytes[hour] = (this.#bytes[hour] ?? 0) + (kept[2 * hour + 1] ?? 0);
    }
    this.next += ID_BUCKETS_PER_SWEEP;
    return removed;
  }

  /** The longest retention of whole hours whose ids fit; below an hour new ids are refused. */
  retentionWithin(bytesMax: number): number {
    let bytes = 0;
    for (const [hour, inHour = 0] of this.#bytes.entries()) {
      bytes += inHour;
      if (bytes > bytesMax) return hour === 0 ? ID_RETENTION_MS_MIN - 1 : hour * HOUR_MS;
    }
    return ID_RETENTION_MS;
  }

  restart(retentionMs: number): void {
    this.retentionMs = retentionMs;
    this.lastIds = sum(this.#ids);
    this.lastBytes = sum(this.#bytes);
    this.next = 0;
    this.#ids = [];
    this.#bytes = [];
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

function integers(reply: unknown): number[] {
  if (!Array.isArray(reply)) throw new TypeError('sweep-ids must reply with a list');
  return reply.map((value) => {
    if (typeof value !== 'number') throw new TypeError('sweep-ids must reply with integers');
    return value;
  });
}
