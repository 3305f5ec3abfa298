import { createHash } from 'node:crypto';
import { readAsset } from '../platform/assets.js';
import { type RedisClient, serverOf } from './cluster.js';

const FOLDER = 'engine/store/lua';
const INCLUDE = /^--@include (\S+)$/gm;
const REGISTERED = /redis\.register_function\('(\w+)'/;

/**
 * One Redis function (Redis 7.0 and newer): a Lua file with its includes put in place, in a library of its own whose
 * name carries its hash, so that two releases run side by side. Loaded where Redis does not know it: a new Redis, a
 * FUNCTION FLUSH, another master of a cluster.
 */
export class Script {
  readonly source: string;
  readonly name: string;

  constructor(file: string) {
    const code = readAsset(`${FOLDER}/${file}.lua`).replace(INCLUDE, (_, include: string) =>
      readAsset(`${FOLDER}/include/${include}.lua`),
    );
    const hash = createHash('sha256').update(code).digest('hex').slice(0, 16);
    this.name = `weir_${file.replaceAll('-', '_')}_${hash}`;
    this.source = `#!lua name=${this.name}\n${code.replace(REGISTERED, `redis.register_function('${this.name}'`)}`;
  }

  /** Calls it; replies come as Buffers. */
  async run(
    redis: RedisClient,
    keys: readonly string[],
    args: readonly (string | Buffer | number)[],
  ): Promise<unknown> {
    try {
      return await redis.callBuffer('FCALL', this.name, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownFunction(error)) throw error;
      const server = await serverOf(redis, keys[0] ?? '');
      await server.call('FUNCTION', 'LOAD', 'REPLACE', this.source);
      return redis.callBuffer('FCALL', this.name, keys.length, ...keys, ...args);
    }
  }
}

function isUnknownFunction(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('ERR Function not found');
}
