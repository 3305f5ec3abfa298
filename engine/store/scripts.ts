import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { readAsset } from '../platform/assets.js';

const FOLDER = 'engine/store/lua';
const INCLUDE = /^--@include (\S+)$/gm;

/** A Lua script with its includes put in place, called by its SHA-1 and loaded where Redis does not know it. */
export class Script {
  readonly source: string;
  readonly sha: string;

  constructor(name: string) {
    this.source = readAsset(`${FOLDER}/${name}.lua`).replace(INCLUDE, (_, include: string) =>
      readAsset(`${FOLDER}/include/${include}.lua`),
    );
    this.sha = createHash('sha1').update(this.source).digest('hex');
  }

  /** Runs it; replies come as Buffers. After SCRIPT FLUSH or a restart of Redis it is loaded again. */
  async run(redis: Redis, keys: readonly string[], args: readonly (string | Buffer | number)[]): Promise<unknown> {
    try {
      return await redis.callBuffer('EVALSHA', this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return redis.callBuffer('EVAL', this.source, keys.length, ...keys, ...args);
    }
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
