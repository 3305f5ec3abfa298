import { once } from 'node:events';
import { Redis } from 'ioredis';
import { connectRedis, type RedisClient } from '../../../engine/index.js';
import type { Finding } from './finding.js';
import { within } from './within.js';

const ANSWER_MS_MAX = 5_000;
/** Functions came with it. */
const VERSION_MIN = 7;
const MEMORY_WARN = 0.8;
/** What settled reservations with up to four limits need, so that their hashes stay packed. */
const HASH_VALUE_MAX = 256;

/** Settings that INFO does not tell; undefined where they may not be read. */
export interface RedisSettings {
  readonly appendfsync: string | undefined;
  readonly 'hash-max-listpack-value': string | undefined;
}

/** Redis, or each master of a cluster: version, what it keeps on disk, and what it does when memory is short. */
export async function inspectRedis(url: string | undefined): Promise<Finding[]> {
  if (url === undefined) return [];
  const redis = connectRedis(url, { lazyConnect: true, connectTimeout: ANSWER_MS_MAX, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    return await within(ANSWER_MS_MAX, async () => {
      await Promise.all([redis.status === 'wait' ? redis.connect() : undefined, readyOf(redis)]);
      const servers = redis instanceof Redis ? [redis] : redis.nodes('master');
      const findings = await Promise.all(servers.map(inspectServer));
      return findings.flat();
    });
  } catch (error) {
    const text = `cannot be asked from here: ${error instanceof Error ? error.message : String(error)}`;
    return [{ level: 'warn', subject: 'redis', text }];
  } finally {
    redis.disconnect();
  }
}

async function readyOf(redis: RedisClient): Promise<void> {
  if (redis.status !== 'ready') await once(redis, 'ready');
}

async function inspectServer(server: Redis): Promise<Finding[]> {
  const info = parseInfo(await server.info());
  // Not every user may read settings.
  const setting = async (name: string): Promise<string | undefined> => {
    const pair: unknown = await server.config('GET', name).catch(() => undefined);
    return Array.isArray(pair) && pair.length > 1 ? String(pair[1]) : undefined;
  };
  return redisFindings(info, {
    appendfsync: await setting('appendfsync'),
    'hash-max-listpack-value': await setting('hash-max-listpack-value'),
  });
}

/** The lines `name:value` of INFO. */
export function parseInfo(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));
}

/** @param info of INFO. */
export function redisFindings(info: Readonly<Record<string, string>>, settings: RedisSettings): Finding[] {
  const subject = 'redis';
  const findings: Finding[] = [];
  const fail = (text: string): void => void findings.push({ level: 'fail', subject, text });
  const warn = (text: string): void => void findings.push({ level: 'warn', subject, text });
  const { redis_version: version = '', maxmemory_policy: policy = '' } = info;
  const { appendfsync: fsync, 'hash-max-listpack-value': hashValue } = settings;
  if (Number.parseInt(version, 10) < VERSION_MIN) fail(`version ${version}: Weir needs ${VERSION_MIN}.0 or later`);
  if (info.aof_enabled !== '1') fail('keeps no append-only file: a restart loses the counters. Set appendonly yes');
  if (fsync === 'everysec') warn('appendfsync everysec holds checks up while it syncs: set no, or always');
  if (policy !== '' && policy !== 'noeviction') {
    fail(`maxmemory-policy ${policy} throws counters away when memory is short: set noeviction`);
  }
  if (hashValue !== undefined && Number(hashValue) < HASH_VALUE_MAX) {
    warn(`hash-max-listpack-value ${hashValue} takes twice the memory for reservations: set ${HASH_VALUE_MAX}`);
  }
  if (info.aof_last_write_status === 'err') fail('cannot write its append-only file: is the disk full?');
  const [used, max] = [Number(info.used_memory), Number(info.maxmemory)];
  if (max > 0 && used > max * MEMORY_WARN) warn(`uses ${Math.round((used / max) * 100)} % of its maxmemory`);
  if (findings.length > 0) return findings;
  const memory = max > 0 ? `${mib(used)} of ${mib(max)} MiB` : `${mib(used)} MiB`;
  return [{ level: 'ok', subject, text: `${version}, append-only file, ${policy}, ${memory}` }];
}

const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024);
