import { z } from 'zod';

/** How long to call the commit script, and for whom. */
export const scriptJobSchema = z.strictObject({
  redisUrl: z.string(),
  customers: z.array(z.string()).min(1),
  seconds: z.number().positive(),
});
export type ScriptJob = z.output<typeof scriptJobSchema>;
