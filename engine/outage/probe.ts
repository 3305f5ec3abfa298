import { WeirError } from '../contract/errors.js';
import type { RedisClient } from '../store/cluster.js';
import { decodeReply, encodeHeader } from '../store/codec.js';
import { absentKey, fateKey, outboxKey, retentionKey, shardStateKey } from '../store/keys.js';
import type { Script } from '../store/scripts.js';

/** Longer than any call of ours takes; a connection that says nothing for so long is cut, and made anew. */
const SILENCE_MS_MAX = 5_000;
/** Beside the slots of calls. */
const PROBE_SLOT = 255;
const NOTHING = Buffer.alloc(0);

/**
 * Asks the commit script to decide nothing. A PING would be answered by a Redis that refuses writes, is a replica, or
 * has lost its state; this is refused by it as an operation would be, and writes nothing where it succeeds.
 * @throws WeirError uninitialised; the client's errors.
 */
export async function probeShard(redis: RedisClient, script: Script, shard: string, gateway: string): Promise<void> {
  const keys = [shardStateKey(shard), outboxKey(shard), fateKey(shard, gateway, PROBE_SLOT), retentionKey(shard)];
  if (redis.isCluster) keys.push(absentKey(shard));
  const header = encodeHeader(0, Number.MAX_SAFE_INTEGER, 0, false, 0);
  // A cluster's client looks for another master by itself, and the other shards are not to suffer.
  const silence = setTimeout(() => redis.isCluster || redis.disconnect(true), SILENCE_MS_MAX);
  try {
    const reply = await script.run(redis, keys, [header, NOTHING, NOTHING, NOTHING, `{${shard}}:`]);
    if (!Buffer.isBuffer(reply)) throw new TypeError('the commit script must reply with a string');
    if (decodeReply(reply).status === 'uninitialised') throw new WeirError('uninitialised');
  } finally {
    clearTimeout(silence);
  }
}
