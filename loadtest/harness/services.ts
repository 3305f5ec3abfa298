import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Service, startService } from './service.js';

export type { Service } from './service.js';
export { type Stack, type StackOptions, startStack } from './stack.js';
export { waitFor } from './wait-for.js';

/** The services of tests ask for credentials, as real ones do; these are no secret. */
const USER = 'weir';
export const PASSWORD = 'test-only';

export interface RedisOptions {
  /** Keep an append-only file, so that data outlives `kill` and `restart`. Default false. */
  readonly appendonly?: boolean;
  /** Further lines of redis.conf, such as `maxmemory 10mb`, or what gives them for the server's port. */
  readonly settings?: readonly string[] | ((port: number) => readonly string[]);
}

/** A private redis-server. `url` carries the password. */
export function startRedis({ appendonly = false, settings = [] }: RedisOptions = {}): Promise<Service> {
  return startService({
    binary: 'redis-server',
    async arguments(port, folder) {
      const file = join(folder, 'redis.conf');
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `requirepass ${PASSWORD}`,
        `dir ${folder}`,
        'save ""',
        `appendonly ${appendonly ? 'yes' : 'no'}`,
        'appendfsync no',
        'hash-max-listpack-value 256',
        ...(typeof settings === 'function' ? settings(port) : settings),
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      return [file];
    },
    url: (port) => `redis://:${PASSWORD}@127.0.0.1:${port}`,
    greeting: `AUTH ${PASSWORD}\r\nPING\r\n`,
    answer: /\+PONG/,
  });
}

/**
 * A private nats-server with JetStream on file storage. `url` carries user and password: turn it into options of the
 * client by `natsConnectionOptions` of `engine/platform/urls.ts`, since the client ignores them in a URL.
 */
export function startNats(): Promise<Service> {
  return startService({
    binary: 'nats-server',
    async arguments(port, folder) {
      const file = join(folder, 'nats.conf');
      const lines = [
        `listen: "127.0.0.1:${port}"`,
        `authorization { user: "${USER}", password: "${PASSWORD}" }`,
        // Enough for the streams' bounds, whatever the free disk.
        `jetstream { store_dir: ${JSON.stringify(join(folder, 'jetstream'))}, max_file_store: 8GB }`,
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      return ['-c', file];
    },
    url: (port) => `nats://${USER}:${PASSWORD}@127.0.0.1:${port}`,
    greeting: '',
    answer: /^INFO .*"jetstream":true/,
  });
}
