import { z } from 'zod';

/** Which library the bare server asks, and the one customer whose quota is drawn dry. */
export const limiterJobSchema = z.strictObject({
  library: z.enum(['rate-limiter-flexible', 'upstash']),
  redisUrl: z.string(),
  dry: z.string(),
  dryQuota: z.int().positive(),
});
export type LimiterJob = z.output<typeof limiterJobSchema>;
