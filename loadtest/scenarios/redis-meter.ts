import { Redis } from 'ioredis';

/** What a Redis has done since its start. */
export interface RedisCounts {
  /** Calls of functions, the commit script among them. */
  readonly functionCalls: number;
  /** Time inside them, µs. */
  readonly functionMicros: number;
}

/** Reads what Redis counts of itself: how often it was asked to decide, whichever gateway asked. */
export class RedisMeter {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url, { connectionName: 'weir-loadtest-meter' });
    this.#redis.on('error', () => undefined);
  }

  async counts(): Promise<RedisCounts> {
    const info = await this.#redis.info('commandstats');
    const match = /cmdstat_fcall:calls=(\d+),usec=(\d+)/.exec(info);
    return { functionCalls: Number(match?.[1] ?? 0), functionMicros: Number(match?.[2] ?? 0) };
  }

  /** Such as `7.0.15`. */
  async version(): Promise<string> {
    return /redis_version:(\S+)/.exec(await this.#redis.info('server'))?.[1] ?? 'unknown';
  }

  close(): void {
    this.#redis.disconnect();
  }
}
