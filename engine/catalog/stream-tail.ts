import { CATALOG_OUTBOX_KEY } from '../store/keys.js';
import { type OutboxChange, readStreamReply } from './outbox-entries.js';
import type { RedisClient } from './redis.js';

/** How long a read waits for changes, and how long after that a silent connection counts as dead. */
const BLOCK_MS = 2_000;
export const SILENCE_MS_MAX = 5_000;
/** Entries of one read. */
export const READ_ENTRIES_MAX = 1_000;

/** The blocking reader of the catalog's outbox, on a connection of its own. */
export class StreamTail {
  readonly #redis: RedisClient;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** Entries after this id; none when nothing came for some time. @throws the client's errors. */
  async read(afterId: string): Promise<OutboxChange[]> {
    // A connection that is half open says nothing at all: then it is cut, and the read fails.
    const silence = setTimeout(() => this.#redis.disconnect(true), BLOCK_MS + SILENCE_MS_MAX);
    try {
      const args = ['BLOCK', BLOCK_MS, 'COUNT', READ_ENTRIES_MAX, 'STREAMS', CATALOG_OUTBOX_KEY, afterId];
      return readStreamReply(await this.#redis.call('XREAD', args));
    } finally {
      clearTimeout(silence);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }
}
