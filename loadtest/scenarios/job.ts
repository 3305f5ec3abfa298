import { z } from 'zod';
import { dialectSchema } from './dialects.js';

/** What the generator's process is told, and what it tells: plain JSON over the channel between parent and child. */

/** What the requests of a job are: `reserve` sends pairs of a hold and its commit, `exact` draws on few customers. */
export const workloadSchema = z.enum(['single', 'batch', 'reserve', 'ingest', 'exact']);
export type Workload = z.output<typeof workloadSchema>;

export const loadJobSchema = z.strictObject({
  workload: workloadSchema,
  /** Whose interface is asked; others than `weir` know checks only. */
  dialect: dialectSchema,
  /** Without a slash at the end. */
  baseUrl: z.string(),
  key: z.string(),
  connections: z.int().min(1),
  /** Customers that are drawn from, in turn. */
  customers: z.array(z.string()).min(1),
  /** How long requests are started; those under way are answered afterwards. */
  seconds: z.number().positive().optional(),
  /** Or how many are sent over all connections. */
  requests: z.int().positive().optional(),
  /** Arrivals a second, whatever the answers take (`single` only, with `seconds`); left out, each connection sends when it has its answer. */
  ratePerSecond: z.number().positive().optional(),
  /** By connections of our own: what differs from one sending to the next is far cheaper to make than by autocannon. */
  lean: z.boolean(),
  /** Amounts of `exact`, in turn. */
  amounts: z.array(z.int().positive()).min(1).default([1]),
  /** The quota, for interfaces whose requests carry it. */
  quota: z.int().positive(),
  /** Unique in the life of the target, so that events of two runs differ by their ids. */
  run: z.string().regex(/^[0-9a-f]{8}$/),
});
export type LoadJob = z.output<typeof loadJobSchema>;

/** What any driver of load measures. */
export const measuredSchema = z.object({
  /** From the first request to the moment from which no new ones were started. */
  seconds: z.number(),
  /** Answered within `seconds`. */
  requests: z.int(),
  /** Checks, events or pairs in those, without requests that were answered by an error. */
  decisions: z.int(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
});
export type Measured = z.output<typeof measuredSchema>;

export const loadResultSchema = measuredSchema.extend({
  /** Amount that each customer was told is admitted, over all answers. */
  admitted: z.record(z.string(), z.number()),
  /** Checks and events that were charged: facts there should be. */
  charged: z.int(),
  /** Checks that were denied, by reason. */
  denied: z.record(z.string(), z.int()),
  /** Checks and events answered by an error that says that nothing was charged. */
  refused: z.int(),
  /** Amount whose fate the client was not told: broken connections, timeouts, `outcome_unknown`, batches that failed. */
  unknownAmount: z.number(),
  /** The first few answers that were no decision. */
  oddAnswers: z.array(z.string()),
});
export type LoadResult = z.output<typeof loadResultSchema>;
