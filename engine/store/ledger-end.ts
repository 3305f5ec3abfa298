import type { Redis } from 'ioredis';
import { WeirError } from '../contract/errors.js';
import type { LedgerEnd } from '../engine.js';
import { outboxKey, shardStateKey } from './keys.js';
import { parseOutboxId } from './outbox.js';

/**
 * The last entry of a shard's outbox, also where the relay has taken it away since: a stream knows the last id that it
 * gave. Undefined while it gave none. @throws WeirError uninitialised; the client's errors.
 */
export async function readLedgerEnd(redis: Redis, shard: string): Promise<LedgerEnd | undefined> {
  const [state, exists] = await Promise.all([redis.getBuffer(shardStateKey(shard)), redis.exists(outboxKey(shard))]);
  if (state === null) throw new WeirError('uninitialised');
  if (exists === 0) return undefined;
  const info: unknown = await redis.xinfo('STREAM', outboxKey(shard));
  const last = Array.isArray(info) ? info[info.indexOf('last-generated-id') + 1] : undefined;
  if (typeof last !== 'string') throw new TypeError('XINFO STREAM names no last id');
  const { ms, seq } = parseOutboxId(last);
  // commit.lua, KEYS[1]: '<dd' epoch, catalog version.
  return { epoch: state.readDoubleLE(0), shard, outboxMs: ms, outboxSeq: seq };
}
