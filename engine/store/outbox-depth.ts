import type { RedisClient } from './cluster.js';
import { parseOutboxId } from './outbox.js';

/** What waits in the outboxes for the relay. */
export interface OutboxDepth {
  readonly entries: number;
  /** When the oldest entry was written, by Redis's clock, ms since 1970; null where none waits. */
  readonly oldestMs: number | null;
}

/** @param keys of the outboxes. @throws the client's errors. */
export async function readOutboxDepth(redis: RedisClient, keys: readonly string[]): Promise<OutboxDepth> {
  const depths = await Promise.all(
    keys.map(async (key) => {
      const [entries, [oldest]] = await Promise.all([redis.xlen(key), redis.xrange(key, '-', '+', 'COUNT', 1)]);
      return { entries, oldestMs: oldest === undefined ? null : parseOutboxId(oldest[0]).ms };
    }),
  );
  const waiting = depths.flatMap(({ oldestMs }) => (oldestMs === null ? [] : [oldestMs]));
  return {
    entries: depths.reduce((sum, { entries }) => sum + entries, 0),
    oldestMs: waiting.length === 0 ? null : Math.min(...waiting),
  };
}
