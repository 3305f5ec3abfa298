import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What a charge, a change of a limit or the time may do to a quota; `test` is what an operator sends to try a target. */
export const ALERT_KINDS = ['threshold_crossed', 'overage_entered', 'cap_reached', 'test'] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

const amountSchema = z.union([z.number(), z.string()]);

/** One alert, as the stream, the log, the API and receivers have it. */
export const alertSchema = z.object({
  /** Made of everything that may be alerted of only once. */
  id: z.string().regex(/^al_[0-9a-f]{32}$/),
  /** RFC 3339: when it was charged, or found. */
  at: z.string(),
  kind: z.enum(ALERT_KINDS),
  customer: z.string(),
  plan: z.string(),
  /** Whose limit it is; null: the customer's own. */
  entity: z.string().nullable(),
  feature: z.string(),
  limit: z.string(),
  /** Percent of what is included; null of the other kinds. */
  threshold: z.number().nullable(),
  /** In units of the meter, as answers show amounts. */
  used: amountSchema,
  included: amountSchema,
  window: z.object({ start: z.string(), end: z.string().nullable() }),
});
export type Alert = z.output<typeof alertSchema>;

/** What makes two alerts the same one. */
export interface AlertIdentity {
  readonly customer: string;
  /** '' of the customer's own limits. */
  readonly entity: string;
  readonly feature: string;
  readonly limit: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly kind: AlertKind;
  readonly threshold: number | null;
}

/** The same for the same crossing, whoever finds it and how often: `al_` and 128 bits of a SHA-256. */
export function alertId(identity: AlertIdentity): string {
  const { customer, entity, feature, limit, windowStartMs, windowEndMs, kind, threshold } = identity;
  return `al_${digest([customer, entity, feature, limit, windowStartMs, windowEndMs, kind, threshold])}`;
}

/** The same for the same alert to the same target: what is made twice is sent once. */
export const deliveryId = (alert: string, target: string): string => `dl_${digest([alert, target])}`;

const digest = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
