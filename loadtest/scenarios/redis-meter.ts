import { Redis } from 'ioredis';

/** What a Redis has done since its start. */
export interface RedisCounts {
  /** Calls of functions and scripts, the commit function among them. */
  readonly functionCalls: number;
  /** Time inside them, µs. */
  readonly functionMicros: number;
  /** Other commands; what functions and scripts call inside counts here too. */
  readonly commandCalls: number;
}

const SCRIPTS = new Set(['fcall', 'fcall_ro', 'eval', 'evalsha', 'eval_ro', 'evalsha_ro']);
/** What connections and the meter itself ask. */
const UNCOUNTED = new Set(['info', 'auth', 'hello', 'client', 'ping', 'config', 'select', 'command', 'script']);

/** Reads `INFO commandstats`: `cmdstat_fcall:calls=12,usec=340,…`, subcommands as `client|list`. */
export function parseCommandStats(info: string): RedisCounts {
  const counts = { functionCalls: 0, functionMicros: 0, commandCalls: 0 };
  for (const [, name = '', calls, micros] of info.matchAll(/^cmdstat_([^:|]+)\S*?:calls=(\d+),usec=(\d+)/gm)) {
    if (SCRIPTS.has(name)) {
      counts.functionCalls += Number(calls);
      counts.functionMicros += Number(micros);
    } else if (!UNCOUNTED.has(name)) counts.commandCalls += Number(calls);
  }
  return counts;
}

/** Reads what Redis counts of itself: how often it was asked to decide, whoever asked. */
export class RedisMeter {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url, { connectionName: 'weir-loadtest-meter' });
    this.#redis.on('error', () => undefined);
  }

  async counts(): Promise<RedisCounts> {
    return parseCommandStats(await this.#redis.info('commandstats'));
  }

  /** Memory in use without the buffers of connections, bytes, and objects that a thread has yet to free of it. */
  async memory(): Promise<{ bytes: number; freeing: number }> {
    const info = await this.#redis.info('memory');
    const field = (name: string): number => {
      const value = new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1];
      if (value === undefined) throw new Error(`INFO memory has no ${name}`);
      return Number(value);
    };
    return { bytes: field('used_memory') - field('mem_clients_normal'), freeing: field('lazyfree_pending_objects') };
  }

  close(): void {
    this.#redis.disconnect();
  }
}
