import { WeirError } from '../contract/errors.js';
import type { LedgerEnd } from '../engine.js';
import { outboxKey } from './keys.js';
import { parseOutboxId, readShardEpoch } from './outbox.js';

/**
 * The last entry of a shard's outbox, also where the relay has taken it away since: a stream knows the last id that it
 * gave. Undefined while it gave none. @throws WeirError uninitialised; the client's errors.
 */
export async function readLedgerEnd(
  redis: Parameters<typeof readShardEpoch>[0],
  shard: string,
): Promise<LedgerEnd | undefined> {
  const key = outboxKey(shard);
  const [epoch, exists] = await Promise.all([readShardEpoch(redis, shard), redis.exists(key)]);
  if (epoch === null) throw new WeirError('uninitialised');
  if (exists === 0) return undefined;
  const info: unknown = await redis.xinfo('STREAM', key);
  const last: unknown = Array.isArray(info) ? info[info.indexOf('last-generated-id') + 1] : undefined;
  if (typeof last !== 'string') throw new TypeError('XINFO STREAM names no last id');
  const { ms, seq } = parseOutboxId(last);
  return { epoch, shard, outboxMs: ms, outboxSeq: seq };
}
