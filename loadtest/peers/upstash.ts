import { createHash } from 'node:crypto';
import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from 'ioredis';
import { AMPLE_QUOTA } from '../scenarios/catalog.js';
import { PEER_BURST, PEER_WINDOW_MS } from '../scenarios/dialects.js';
import type { Limiter } from './limiter.js';
import type { LimiterJob } from './limiter-job.js';

/** Upstash's servers know a flag that Redis refuses. */
const OWN_FLAG = /^#!lua flags=allow-key-locking\n/;

/**
 * The package's own scripts on a Redis, instead of over HTTP at Upstash's: a token bucket and a fixed window of a month,
 * asked at once, since it has no way to decide two limits together. Its cache of refusals, its analytics and its timeout
 * (after which it admits) are off.
 */
export function openUpstash({ redisUrl, dry, dryQuota }: LimiterJob): Limiter {
  const redis = new ScriptAdapter(new Redis(redisUrl));
  const settings = { redis, ephemeralCache: false, analytics: false, timeout: 0 } as const;
  const burst = new Ratelimit({
    ...settings,
    prefix: 'upstash-burst',
    limiter: Ratelimit.tokenBucket(PEER_BURST, '1 s', PEER_BURST),
  });
  const quota = (prefix: string, amount: number) =>
    new Ratelimit({ ...settings, prefix, limiter: Ratelimit.fixedWindow(amount, `${PEER_WINDOW_MS} ms`) });
  const ample = quota('upstash-quota', AMPLE_QUOTA);
  const drawn = quota('upstash-dry', dryQuota);
  return async (customer, amount) => {
    const limits = [burst, customer === dry ? drawn : ample];
    const answers = await Promise.all(limits.map((limit) => limit.limit(customer, { rate: amount })));
    return answers.every(({ success }) => success);
  };
}

/** The few methods of Upstash's client that the package calls. */
class ScriptAdapter {
  readonly #redis: Redis;
  /** What a script is called by here, by what the package calls it. */
  readonly #hashes = new Map<string, string>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  evalsha<Args extends unknown[], Data = unknown>(hash: string, keys: string[], args: Args): Promise<Data>;
  async evalsha(hash: string, keys: string[], args: unknown[]): Promise<unknown> {
    const known = this.#hashes.get(hash);
    if (known === undefined) throw new Error(`NOSCRIPT ${hash}`);
    return this.#redis.evalsha(known, keys.length, ...keys, ...args.map(String));
  }

  eval<Args extends unknown[], Data = unknown>(script: string, keys: string[], args: Args): Promise<Data>;
  async eval(script: string, keys: string[], args: unknown[]): Promise<unknown> {
    const hash = createHash('sha1').update(script).digest('hex');
    this.#hashes.set(hash, String(await this.#redis.script('LOAD', script.replace(OWN_FLAG, ''))));
    return this.evalsha(hash, keys, args);
  }

  get<Data>(key: string): Promise<Data | null>;
  async get(key: string): Promise<unknown> {
    return this.#redis.get(key);
  }

  set<Data>(key: string, value: Data): Promise<Data | 'OK' | null>;
  async set(key: string, value: unknown): Promise<unknown> {
    return this.#redis.set(key, String(value));
  }
}
