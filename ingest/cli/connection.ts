import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Config, ConfigError, loadConfig } from '../../engine/platform/config.js';
import { WeirClient } from '../client/index.js';
import { httpUrl } from '../supervisor/ports.js';
import { CommandError, UsageError } from './command.js';
import type { Io } from './io.js';

/** Where the running system is, and how that was found out. */
export interface Target {
  readonly config: Config;
  readonly dataPlane: string;
  readonly console: string;
  /** Of the services in use, where they are known here. */
  readonly redisUrl: string | undefined;
  readonly natsUrl: string | undefined;
  /** Such as `WEIR_URL`, `.weir/run/urls.json`, `WEIR_PORT`. */
  readonly foundBy: string;
}

/** A key, and where it came from; the key itself is never printed. */
export interface FoundKey {
  readonly key: string;
  readonly foundBy: string;
}

const urlsSchema = z.object({
  dataPlane: z.url(),
  console: z.url(),
  redis: z.string().optional(),
  nats: z.string().optional(),
});

/** Finds the running system: by WEIR_URL and WEIR_CONSOLE_URL, by WEIR_HOME/run/urls.json, else by host and ports. @throws UsageError */
export function findTarget(env: Io['env']): Target {
  const config = readConfig(env);
  const running = readUrls(join(config.home, 'run', 'urls.json'));
  const byPorts = { dataPlane: httpUrl(config.host, config.port), console: httpUrl(config.host, config.consolePort) };
  const found = running ?? byPorts;
  const dataPlane = urlOf(env, 'WEIR_URL');
  const consoleUrl = urlOf(env, 'WEIR_CONSOLE_URL');
  const named = [dataPlane && 'WEIR_URL', consoleUrl && 'WEIR_CONSOLE_URL'].filter((name) => name !== undefined);
  return {
    config,
    dataPlane: dataPlane ?? found.dataPlane,
    console: consoleUrl ?? found.console,
    // What runs under this home has nothing to do with a system elsewhere.
    redisUrl: config.redisUrl ?? (named.length > 0 ? undefined : running?.redis),
    natsUrl: config.natsUrl ?? (named.length > 0 ? undefined : running?.nats),
    foundBy:
      named.length > 0
        ? named.join(', ')
        : running === undefined
          ? 'WEIR_PORT, WEIR_CONSOLE_PORT'
          : join(config.home, 'run', 'urls.json'),
  };
}

function readConfig(env: Io['env']): Config {
  try {
    return loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(`the settings do not hold: ${error.faults.join('; ')}`);
    throw error;
  }
}

function urlOf(env: Io['env'], name: string): string | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text.replace(/\/+$/, '');
  throw new UsageError(`${name} must be a URL such as http://127.0.0.1:8080`);
}

/** Undefined when nothing runs under this home, or the file is of another make. */
function readUrls(path: string): z.output<typeof urlsSchema> | undefined {
  try {
    return urlsSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** The key by WEIR_KEY, WEIR_ADMIN_KEY, or WEIR_HOME/admin.key; undefined when there is none. */
export function findKey(env: Io['env'], config: Config): FoundKey | undefined {
  const { WEIR_KEY: own } = env;
  if (own !== undefined && own !== '') return { key: own, foundBy: 'WEIR_KEY' };
  if (config.adminKey !== undefined) return { key: config.adminKey, foundBy: 'WEIR_ADMIN_KEY' };
  const path = join(config.home, 'admin.key');
  try {
    const key = readFileSync(path, 'utf8').trim();
    return key === '' ? undefined : { key, foundBy: path };
  } catch {
    return undefined;
  }
}

/** A client for the running system. @throws UsageError, CommandError when there is no key. */
export function connect(
  env: Io['env'],
  options: { readonly retriesMax?: number; readonly timeoutMs?: number } = {},
): WeirClient {
  const target = findTarget(env);
  const found = findKey(env, target.config);
  if (found === undefined) {
    const file = join(target.config.home, 'admin.key');
    throw new CommandError(
      `there is no key: set WEIR_KEY, or run this where WEIR_HOME is (there is no ${file} that can be read)`,
    );
  }
  // fetch would refuse it too, with a message that prints the key.
  if (/\p{Cc}/u.test(found.key)) {
    throw new UsageError(
      `the key of ${found.foundBy} has characters that no header can carry: is there another line in it?`,
    );
  }
  return new WeirClient({ url: target.dataPlane, consoleUrl: target.console, key: found.key, ...options });
}
