import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../../engine/platform/config.js';
import { type Home, writePrivateFile } from './home.js';
import type { ProcessSpec } from './managed-process.js';
import { findFreePort } from './ports.js';
import { answers } from './probe.js';
import { findProgram } from './programs.js';

/** Redis reads its whole append-only file before it answers. */
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 30_000;
const USER = 'weir';
/**
 * More than the streams may take together, which bound themselves. By default JetStream grants three quarters of the
 * free disk, and refuses to make the streams at all where that is less than their bounds.
 */
const NATS_STORE_MAX = '8GB';

/** A service of ours: how it is run, and its URL with credentials. */
export interface PrivateService {
  readonly url: string;
  readonly spec: ProcessSpec;
}

/**
 * A private Redis in WEIR_HOME/redis. The password is new at each start and stands in a file of its owner's only, never
 * in the process list.
 */
export async function privateRedis(home: Home, config: Config, searchPath: string): Promise<PrivateService> {
  const program = findProgram('redis-server', searchPath);
  const port = await findFreePort();
  const password = randomBytes(24).toString('base64url');
  const file = join(home.runFolder, 'redis.conf');
  writePrivateFile(file, redisConfig(port, password, home.redisFolder, config.durability));
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    spec: {
      name: 'redis',
      program,
      args: [file],
      env: { PATH: searchPath },
      logFile: home.logFile('redis'),
      isReady: () => answers(port, `AUTH ${password}\r\nPING\r\n`, /\+PONG/),
      readyMsMax: READY_MS_MAX,
      stopMsMax: STOP_MS_MAX,
    },
  };
}

/** `appendfsync no` lost nothing when processes were killed; `everysec` did (architecture.md), and `always` costs half the rate. */
export function redisConfig(port: number, password: string, folder: string, durability: Config['durability']): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${quoted(folder)}`,
    'appendonly yes',
    `appendfsync ${durability === 'power' ? 'always' : 'no'}`,
    // At full load it grows by 20 MB/s: with Redis's own 64 MB it would be rewritten, by a fork, every few seconds. A start
    // reads 256 MB in about a second.
    'auto-aof-rewrite-min-size 256mb',
    'rdbcompression no',
    // Remembered answers: past Redis's own 64 bytes one would unpack its hash, and all ids in it take three times as much.
    'hash-max-listpack-value 256',
    // The append-only file is the one copy; snapshots would cost a fork and add nothing.
    'save ""',
    // A full Redis refuses writes, it never forgets counters.
    'maxmemory-policy noeviction',
    'daemonize no',
    '',
  ].join('\n');
}

/** A private NATS with JetStream in WEIR_HOME/nats; credentials as with Redis. */
export async function privateNats(home: Home, searchPath: string): Promise<PrivateService> {
  const program = findProgram('nats-server', searchPath);
  const port = await findFreePort();
  const password = randomBytes(24).toString('base64url');
  const file = join(home.runFolder, 'nats.conf');
  writePrivateFile(file, natsConfig(port, password, home.natsFolder));
  return {
    url: `nats://${USER}:${password}@127.0.0.1:${port}`,
    spec: {
      name: 'nats',
      program,
      args: ['-c', file],
      env: { PATH: searchPath },
      logFile: home.logFile('nats'),
      isReady: () => answers(port, '', /^INFO .*"jetstream":true/),
      readyMsMax: READY_MS_MAX,
      stopMsMax: STOP_MS_MAX,
    },
  };
}

export function natsConfig(port: number, password: string, folder: string): string {
  return [
    'server_name: weir',
    `listen: "127.0.0.1:${port}"`,
    `authorization { user: "${USER}", password: "${password}" }`,
    `jetstream { store_dir: ${quoted(folder)}, max_file_store: ${NATS_STORE_MAX} }`,
    '',
  ].join('\n');
}

/** Both services read double quotes with backslashes, so a folder may have spaces in its name. */
const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
