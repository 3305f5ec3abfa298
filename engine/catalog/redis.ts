import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { readAsset } from '../platform/assets.js';
import { parseClusterUrl } from '../platform/urls.js';
import { type ClientOptions, connectCluster, type RedisClient } from '../store/cluster.js';

export type { RedisClient } from '../store/cluster.js';

/**
 * A URL (`redis://user:password@host:port/db`, or `redis+cluster://user:password@host:port,host:port` of a cluster), or
 * the client's options for a single server.
 */
export type RedisTarget = string | ClientOptions;

/** Longest wait for a reply. */
const COMMAND_TIMEOUT_MS = 15_000;
/** Between looks at a Redis that loads its data: by itself the client believes its estimate, which may be ten times too long. */
const LOADING_PAUSE_MS = 100;

/**
 * A connection that never repeats a command by itself: whether to ask again is the caller's decision. Commands fail at
 * once while Redis is away; on a cluster, by their timeout at the latest.
 */
export function connectRedis(target: RedisTarget, options: ClientOptions = {}): RedisClient {
  const merged = {
    protocol: 2 as const,
    autoResendUnfulfilledCommands: false,
    // Not 1: a command in flight when the connection drops would then never settle, since without resending the client
    // forgets it at the first reconnect that succeeds. With 0 every close fails what is in flight and what waits.
    maxRetriesPerRequest: 0,
    // A reply that never comes is an error at last; longer than any blocking read of ours.
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxLoadingRetryTime: LOADING_PAUSE_MS,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 1_000),
    ...options,
  };
  const cluster = typeof target === 'string' ? parseClusterUrl(target) : undefined;
  if (cluster !== undefined) return connectCluster(cluster, merged);
  return typeof target === 'string' ? new Redis(target, merged) : new Redis({ ...target, ...merged });
}

/** What the client, or a Redis that answers but does no work, says while Redis is away. */
const AWAY =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|NOREPLICAS|MISCONF)|MaxRetriesPerRequest|Connection is closed|Command timed out|Command aborted|Stream isn't writeable|ECONN|ETIMEDOUT|EPIPE/;

/** True for a failure of the connection, or of Redis as a whole, and not of the command. */
export function isRedisAway(error: unknown): boolean {
  return (
    error instanceof Error && AWAY.test(error.name === 'ReplyError' ? error.message : `${error.message} ${error.name}`)
  );
}

/** One Lua script, sent by its digest, and whole where Redis does not know it yet. Its replies are text and integers. */
export class LuaScript {
  readonly #source: string;
  readonly #digest: string;

  /** @param name of the file in engine/store/lua, without its ending. */
  constructor(name: string) {
    this.#source = readAsset(`engine/store/lua/${name}.lua`);
    this.#digest = createHash('sha1').update(this.#source).digest('hex');
  }

  /** @returns the reply as Redis gave it, unread. */
  async run(redis: RedisClient, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await redis.eval(this.#source, keys.length, ...keys, ...args);
    }
  }
}

/** A reply that must be a list. @throws Error otherwise: the script and its reader disagree. */
export function listReply(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new Error('a script answered with something that is no list');
  return reply;
}

/** A number of a reply, sent as integer or text. @throws Error for anything else. */
export function numberReply(value: unknown): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw new Error('a script answered with no integer');
  return number;
}

/** @throws Error for a value that is no text. */
export function textReply(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a script answered with no text');
  return value;
}
