import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Service, startRedis } from '../harness/services.js';
import { RedisMeter } from '../scenarios/redis-meter.js';
import type { Limiter } from './limiter.js';
import { type LimiterJob, limiterJobSchema } from './limiter-job.js';
import { openRateLimiterFlexible } from './rate-limiter-flexible.js';
import { openUpstash } from './upstash.js';

const QUOTA = 100;
const OPEN: Readonly<Record<LimiterJob['library'], (job: LimiterJob) => Limiter>> = {
  'rate-limiter-flexible': openRateLimiterFlexible,
  upstash: openUpstash,
};

let service: Service | undefined;
let meter: RedisMeter | undefined;
beforeAll(async () => {
  service = await startRedis();
  meter = new RedisMeter(service.url);
});
afterAll(async () => {
  meter?.close();
  await service?.stop();
});

it.each(limiterJobSchema.shape.library.options)(
  '%s decides on a bucket and a quota by its own scripts on a plain Redis, two calls a check',
  async (library) => {
    if (service === undefined || meter === undefined) throw new Error('there is no Redis');
    const limiter = OPEN[library]({ library, redisUrl: service.url, dry: 'dry', dryQuota: QUOTA });
    // Loads the scripts.
    expect(await limiter('ample', 1)).toBe(true);
    const before = await meter.counts();
    const answers = await Promise.all(Array.from({ length: 2 * QUOTA }, () => limiter('dry', 1)));
    expect(answers.filter((allowed) => allowed)).toHaveLength(QUOTA);
    expect(await limiter('ample', 1_000_000)).toBe(true);
    const after = await meter.counts();
    expect(after.functionCalls - before.functionCalls).toBe(2 * (2 * QUOTA + 1));
  },
);
