import { z } from 'zod';
import { NEAR_LIMITS_COLUMNS } from '../reports/near-limits.js';

const instant = z.string();
const count = z.number();

/** `GET /v1/overview`. What is null could not be asked, or is not known yet. */
export const overviewSchema = z.object({
  asOf: instant,
  /** What could not be reached. */
  problems: z.array(z.string()),
  /** Those that told of themselves in the last five seconds. */
  gateways: z.array(z.object({ gateway: z.string(), at: instant, depth: count, version: count })).nullable(),
  /** Of all gateways, over the last five seconds. */
  traffic: z
    .object({
      checksPerSecond: count,
      deniedPerSecond: count,
      degradedPerSecond: count,
      eventsPerSecond: count,
      rejectedEventsPerSecond: count,
      failuresPerSecond: count,
      deniedByReason: z.record(z.string(), count),
      latencyMs: z.object({ p50: count, p95: count, p99: count }).nullable(),
    })
    .nullable(),
  /** What waits for the relay; `lagSeconds` is the age of the oldest entry. */
  outbox: z.object({ entries: count, bytes: count, lagSeconds: count }).nullable(),
  /** Since it started. */
  relay: z.object({ entries: count.nullable(), failures: count.nullable() }),
  /** `behind`: messages that the sink has not acknowledged. */
  stream: z.object({ messages: count, bytes: count, behind: count, deadLetters: count }).nullable(),
  /** `lagSeconds`: age of the oldest entry of its last batch when it was visible. */
  sink: z.object({ lagSeconds: count.nullable(), failures: count.nullable(), rows: count.nullable() }),
  ledger: z.object({ facts: count, newestAt: instant.nullable() }).nullable(),
  /** Windows whose counter differs from the ledger. */
  drift: z.object({ windows: count, compared: count, lastRoundAt: instant.nullable() }).nullable(),
  /** Counted up to a thousand limits; `rows` are the worst. */
  nearLimits: z
    .object({
      threshold: count,
      limits: count,
      customers: count,
      exhausted: count,
      more: z.boolean(),
      rows: z.array(
        z.object(
          Object.fromEntries(
            Object.keys(NEAR_LIMITS_COLUMNS).map((name) => [name, z.union([z.string(), z.number()]).nullable()]),
          ),
        ),
      ),
    })
    .nullable(),
  customers: count.nullable(),
  /** Of the catalog in force. */
  version: count,
});
export type Overview = z.output<typeof overviewSchema>;
