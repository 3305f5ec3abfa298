import type { CatalogLog } from '../catalog/cache.js';
import { OUTBOX_DENIALS_UNTIL } from '../contract/constants.js';
import { type RedisClient, serverOf } from '../store/cluster.js';
import { outboxKey, shardName } from '../store/keys.js';
import type { OutboxRoom } from './outbox-room.js';

/** How often each outbox is looked at. */
const PERIOD_MS = 250;
/**
 * Change in length, as a part of the length last measured, after which the bytes are measured anew: far below the bound,
 * and near it. A measurement reads every node of the stream, some 0.2 µs each.
 */
const CHANGE_MAX = 0.25;
const CHANGE_MAX_NEAR = 0.02;
const NEAR = 0.6;
/** A shorter outbox is measured whenever it changes: it costs nothing. */
const SHORT_ENTRIES = 64;

export interface OutboxWatchOptions {
  readonly redis: RedisClient;
  /** One a shard, written here. */
  readonly rooms: readonly OutboxRoom[];
  /** Of all shards together. */
  readonly bytesMax: number;
  readonly log: CatalogLog | undefined;
}

/** The bytes of a stream, from its length and how long its entries were when it was last measured. */
export class OutboxGauge {
  #length = 0;
  #measuredLength = 0;
  #measuredBytes = 0;

  /** @param nearness bytes as a part of the bound. @returns true when the bytes have to be measured. */
  see(length: number, nearness: number): boolean {
    this.#length = length;
    const change = Math.abs(length - this.#measuredLength);
    if (length <= SHORT_ENTRIES) return change > 0;
    return change > this.#measuredLength * (nearness < NEAR ? CHANGE_MAX : CHANGE_MAX_NEAR);
  }

  measured(bytes: number): void {
    this.#measuredLength = this.#length;
    this.#measuredBytes = bytes;
  }

  get bytes(): number {
    if (this.#measuredLength === 0) return this.#measuredBytes;
    return Math.round((this.#measuredBytes / this.#measuredLength) * this.#length);
  }
}

/**
 * Keeps the outboxes within their bound while NATS, or the relay, is away. Every gateway looks for itself, since the
 * process that would empty them may be the one that is gone. First denials leave no line any more, then what would write
 * facts is refused. Between two looks the outbox grows on by what Redis takes in a quarter of a second.
 *
 * Rejected: a counter of bytes kept by the commit script, which would cost each call a write; MEMORY USAGE with samples,
 * which looks at the oldest entries only, that may be far shorter than those of a rush.
 */
export class OutboxWatch {
  readonly #options: OutboxWatchOptions;
  readonly #gauges: readonly OutboxGauge[];
  readonly #timer: NodeJS.Timeout;
  #looking = false;
  #failures = 0;
  #closed = false;

  constructor(options: OutboxWatchOptions) {
    this.#options = options;
    this.#gauges = options.rooms.map(() => new OutboxGauge());
    this.#timer = setInterval(() => void this.#look(), PERIOD_MS);
    this.#timer.unref();
    void this.#look();
  }

  /** Bytes of all outboxes. */
  get bytes(): number {
    return this.#gauges.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Looks that failed since the start. */
  get failures(): number {
    return this.#failures;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** Where Redis does not answer there is nothing to see, and nothing is sent there either. */
  async #look(): Promise<void> {
    if (this.#looking || this.#closed || this.#options.redis.status !== 'ready') return;
    this.#looking = true;
    try {
      for (const [index, gauge] of this.#gauges.entries()) await this.#measure(outboxKey(shardName(index)), gauge);
      this.#tell();
    } catch (error) {
      if (this.#closed) return;
      this.#failures++;
      this.#options.log?.warn({ error }, 'the outbox could not be measured');
    } finally {
      this.#looking = false;
    }
  }

  async #measure(key: string, gauge: OutboxGauge): Promise<void> {
    const { redis, bytesMax } = this.#options;
    if (!gauge.see(await redis.xlen(key), this.bytes / bytesMax)) return;
    const server = await serverOf(redis, key);
    gauge.measured(Number((await server.memory('USAGE', key, 'SAMPLES', 0)) ?? 0));
  }

  /** The bound is of all outboxes: their shards share one memory. */
  #tell(): void {
    const { rooms, bytesMax, log } = this.#options;
    const { bytes } = this;
    const isFull = bytes >= bytesMax;
    if (isFull !== rooms[0]?.isFull) {
      if (isFull) log?.error({ bytes }, 'the outbox is full: usage is refused until the relay empties it');
      else log?.info({ bytes }, 'the outbox has room again');
    }
    for (const room of rooms) {
      room.isFull = isFull;
      room.dropsDenials = bytes >= bytesMax * OUTBOX_DENIALS_UNTIL;
    }
  }
}
