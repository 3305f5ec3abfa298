import { WeirError } from '../contract/errors.js';
import type { RedisClient } from '../store/cluster.js';
import { decodeReply, encodeHeader } from '../store/codec.js';
import { absentKey, fateKey, outboxKey, retentionKey, shardStateKey } from '../store/keys.js';
import type { Script } from '../store/scripts.js';

/** Longer than any call of ours takes; a connection that says nothing for so long is cut, and made anew. */
const SILENCE_MS_MAX = 5_000;
/** How long one probe of a shard of a cluster waits for the master that the client knows. */
const CLUSTER_PROBE_MS_MAX = 1_000;
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
  const asked = script.run(redis, keys, [header, NOTHING, NOTHING, NOTHING, `{${shard}}:`]);
  const reply = await (redis.isCluster ? withinPatience(asked) : untilSilence(redis, asked));
  if (!Buffer.isBuffer(reply)) throw new TypeError('the commit script must reply with a string');
  if (decodeReply(reply).status === 'uninitialised') throw new WeirError('uninitialised');
}

async function untilSilence<T>(redis: RedisClient, asked: Promise<T>): Promise<T> {
  const silence = setTimeout(() => redis.disconnect(true), SILENCE_MS_MAX);
  try {
    return await asked;
  } finally {
    clearTimeout(silence);
  }
}

/** A cluster's client finds another master by itself, and the next probe goes there: this one is not waited for. */
async function withinPatience<T>(asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the master does not answer')), CLUSTER_PROBE_MS_MAX);
  });
  try {
    return await Promise.race([asked, impatience]);
  } finally {
    clearTimeout(timer);
  }
}
