import { createHash } from 'node:crypto';
import { Command } from 'ioredis';
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
  /** Of every call on the wire, behind the number of its parts. */
  readonly #start: string;

  constructor(file: string) {
    const code = readAsset(`${FOLDER}/${file}.lua`).replace(INCLUDE, (_, include: string) =>
      readAsset(`${FOLDER}/include/${include}.lua`),
    );
    const hash = createHash('sha256').update(code).digest('hex').slice(0, 16);
    this.name = `weir_${file.replaceAll('-', '_')}_${hash}`;
    this.#start = bulk('FCALL') + bulk(this.name);
    this.source = `#!lua name=${this.name}\n${code.replace(REGISTERED, `redis.register_function('${this.name}'`)}`;
  }

  /** Calls it; replies come as Buffers. */
  async run(redis: RedisClient, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<unknown> {
    try {
      return await redis.sendCommand(new FunctionCall(this.#start, keys, args));
    } catch (error) {
      if (!isUnknownFunction(error)) throw error;
      const server = await serverOf(redis, keys[0] ?? '');
      await server.call('FUNCTION', 'LOAD', 'REPLACE', this.source);
      return redis.sendCommand(new FunctionCall(this.#start, keys, args));
    }
  }
}

/**
 * FCALL in the bytes of Redis's protocol (RESP2, an array of bulk strings). A call has a key for each customer, and the
 * client's own encoding, which makes several texts and a piece of a buffer of each, is an eighth of what a batch of
 * checks costs a gateway.
 */
class FunctionCall extends Command {
  readonly #start: string;
  readonly #keys: readonly string[];
  readonly #arguments: readonly (string | Buffer)[];

  constructor(start: string, keys: readonly string[], args: readonly (string | Buffer)[]) {
    // The client looks at the first key only, to tell where in a cluster the call belongs.
    super('fcall', ['', '1', keys[0] ?? ''], { replyEncoding: null });
    this.#start = start;
    this.#keys = keys;
    this.#arguments = args;
  }

  override toWritable(): Buffer {
    const keys = this.#keys;
    const args = this.#arguments;
    let head = `*${3 + keys.length + args.length}\r\n${this.#start}${bulk(String(keys.length))}`;
    for (const key of keys) head += bulk(key);
    const parts: Buffer[] = [Buffer.from(head)];
    for (const arg of args) {
      const bytes = typeof arg === 'string' ? Buffer.from(arg) : arg;
      parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, END);
    }
    return Buffer.concat(parts);
  }
}

const END = Buffer.from('\r\n');

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

function isUnknownFunction(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('ERR Function not found');
}
