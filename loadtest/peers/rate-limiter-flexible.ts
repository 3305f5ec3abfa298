import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible';
import { AMPLE_QUOTA } from '../scenarios/catalog.js';
import { PEER_BURST, PEER_WINDOW_MS } from '../scenarios/dialects.js';
import type { Limiter } from './limiter.js';
import type { LimiterJob } from './limiter-job.js';

/** Two fixed windows, a second and a month, together by `RateLimiterUnion`: the library has no token bucket. */
export function openRateLimiterFlexible({ redisUrl, dry, dryQuota }: LimiterJob): Limiter {
  const storeClient = new Redis(redisUrl);
  const burst = new RateLimiterRedis({ storeClient, keyPrefix: 'rlf-burst', points: PEER_BURST, duration: 1 });
  const withQuota = (keyPrefix: string, points: number) =>
    new RateLimiterUnion(
      burst,
      new RateLimiterRedis({ storeClient, keyPrefix, points, duration: PEER_WINDOW_MS / 1_000 }),
    );
  const ample = withQuota('rlf-quota', AMPLE_QUOTA);
  const drawn = withQuota('rlf-dry', dryQuota);
  return async (customer, amount) => {
    try {
      await (customer === dry ? drawn : ample).consume(customer, amount);
      return true;
    } catch (refused) {
      // A refusal is an object of what each refusing limiter says; a failure is among them as an Error.
      const failure = Object.values(Object(refused)).find((each) => each instanceof Error);
      if (refused instanceof Error || failure !== undefined) throw failure ?? refused;
      return false;
    }
  };
}
