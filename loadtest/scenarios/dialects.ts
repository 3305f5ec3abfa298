import { z } from 'zod';
import { LOAD_FEATURE } from './catalog.js';

/** How a check is put to each of the limiters that are measured, and how their answers are read. */

export const dialectSchema = z.enum(['weir', 'limiter', 'gubernator', 'ratelimit']);
export type DialectName = z.output<typeof dialectSchema>;

/** One check as it was asked. */
export interface AskedCheck {
  readonly customer: string;
  readonly amount: number;
}

export interface Dialect {
  readonly path: string;
  /** Statuses of a decision. */
  readonly statuses: readonly number[];
  body(asked: AskedCheck, quota: number): string;
  /** Whether a decision admits. */
  admits(body: string): boolean;
}

/** The bucket of every peer: capacity, and refill a second. Never dry: what is measured is an admitted check. */
export const PEER_BURST = 1_000_000_000;
/** Longest month, ms: the quota's window where there are no calendar months. */
export const PEER_WINDOW_MS = 31 * 86_400_000;
const SECOND_MS = 1_000;
/** Of gubernator.proto. */
const LEAKY_BUCKET = 1;

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  weir: {
    path: '/v1/check',
    statuses: [200],
    body: ({ customer, amount }) => JSON.stringify({ customer, feature: LOAD_FEATURE, amount }),
    admits: (body) => body.includes('"allowed":true'),
  },
  /** The bare server with a library behind it: loadtest/peers/limiter.ts. */
  limiter: {
    path: '/',
    statuses: [200],
    body: ({ customer, amount }) => JSON.stringify({ customer, amount }),
    admits: (body) => body.includes('"allowed":true'),
  },
  /** Gubernator's HTTP gateway: both limits in one request. https://github.com/gubernator-io/gubernator, gubernator.proto */
  gubernator: {
    path: '/v1/GetRateLimits',
    statuses: [200],
    body: ({ customer, amount }, quota) => {
      const limit = (name: string, most: number, duration: number, algorithm: number) => ({
        name,
        uniqueKey: customer,
        hits: amount,
        limit: most,
        duration,
        algorithm,
      });
      const burst = limit('burst', PEER_BURST, SECOND_MS, LEAKY_BUCKET);
      return JSON.stringify({ requests: [burst, limit('quota', quota, PEER_WINDOW_MS, 0)] });
    },
    admits: (body) => body.includes('"UNDER_LIMIT"') && !body.includes('"OVER_LIMIT"'),
  },
  /** envoyproxy/ratelimit's HTTP endpoint: the limits are in its configuration (loadtest/peers/envoy-ratelimit.ts). */
  ratelimit: {
    path: '/json',
    statuses: [200, 429],
    body: ({ customer, amount }) =>
      JSON.stringify({
        domain: 'weir',
        hitsAddend: amount,
        descriptors: ['burst', 'quota'].map((key) => ({ entries: [{ key, value: customer }] })),
      }),
    admits: (body) => body.includes('"overallCode":"OK"'),
  },
};
