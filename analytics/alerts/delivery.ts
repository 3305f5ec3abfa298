import { z } from 'zod';
import { type Alert, alertSchema, deliveryId } from './alert.js';
import { type Backoff, nextDelayMs } from './backoff.js';
import type { AttemptOutcome } from './post.js';

export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One alert on its way to one target. */
export const deliverySchema = z.object({
  id: z.string().regex(/^dl_[0-9a-f]{32}$/),
  target: z.string(),
  state: z.enum(DELIVERY_STATES),
  alert: alertSchema,
  /** Made, or put through again, ms since 1970: the day of retries counts from here. */
  startedMs: z.number(),
  createdMs: z.number(),
  updatedMs: z.number(),
  /** When it is tried next; null when it is over. */
  nextMs: z.number().nullable(),
  /** Attempts over all replays. */
  attempts: z.number(),
  /** Attempts since `startedMs`. */
  attemptsSince: z.number(),
  /** Of the last attempt. */
  status: z.number().nullable(),
  ms: z.number().nullable(),
  error: z.string().nullable(),
});
export type Delivery = z.output<typeof deliverySchema>;

export function newDelivery(alert: Alert, target: string, nowMs: number): Delivery {
  return {
    id: deliveryId(alert.id, target),
    target,
    state: 'pending',
    alert,
    startedMs: nowMs,
    createdMs: nowMs,
    updatedMs: nowMs,
    nextMs: nowMs,
    attempts: 0,
    attemptsSince: 0,
    status: null,
    ms: null,
    error: null,
  };
}

/** A receiver that says that it is gone for good is not asked again. */
const GONE = 410;

/** A delivery after an attempt: over, or with the time of the next one. */
export function attempted(delivery: Delivery, outcome: AttemptOutcome, backoff: Backoff, nowMs: number): Delivery {
  const attemptsSince = delivery.attemptsSince + 1;
  const isOver = outcome.delivered || outcome.status === GONE;
  const delayMs = isOver ? null : nextDelayMs(backoff, attemptsSince, nowMs - delivery.startedMs);
  return {
    ...delivery,
    state: outcome.delivered ? 'delivered' : delayMs === null ? 'dead' : 'pending',
    updatedMs: nowMs,
    nextMs: delayMs === null ? null : nowMs + delayMs,
    attempts: delivery.attempts + 1,
    attemptsSince,
    status: outcome.status,
    ms: outcome.ms,
    error: outcome.error,
  };
}

/** A delivery that is given up without an attempt. */
export const givenUp = (delivery: Delivery, error: string, nowMs: number): Delivery => ({
  ...delivery,
  state: 'dead',
  updatedMs: nowMs,
  nextMs: null,
  status: null,
  ms: null,
  error,
});

/** A delivery that is put through again, with another day of attempts. */
export const restarted = (delivery: Delivery, nowMs: number): Delivery => ({
  ...delivery,
  state: 'pending',
  startedMs: nowMs,
  updatedMs: nowMs,
  nextMs: nowMs,
  attemptsSince: 0,
});
