/**
 * The closed union of what a decision can say, as the engine returns it and the gateway shows it.
 * Amounts are whole numbers in the meter's smallest unit; times are milliseconds since 1970.
 */

export type Reason =
  | 'ok'
  | 'overage'
  | 'limit_exceeded'
  | 'not_entitled'
  | 'not_started'
  | 'expired'
  | 'suspended'
  | 'unknown_customer'
  | 'unknown_feature'
  | 'batch_denied'
  | 'unavailable';

/** A quota after the decision. `headroom` is null when there is no cap; `resetAtMs` is null for a lifetime window. */
export interface QuotaState {
  readonly kind: 'quota';
  readonly included: number;
  readonly used: number;
  readonly reserved: number;
  readonly overage: number;
  readonly remaining: number;
  readonly headroom: number | null;
  readonly resetAtMs: number | null;
}

/** A bucket after the decision: `remaining` is the whole part of its level, never below 0. */
export interface BucketState {
  readonly kind: 'bucket';
  readonly capacity: number;
  readonly remaining: number;
}

/** A concurrency limit after the decision: holds open now. */
export interface ConcurrencyState {
  readonly kind: 'concurrency';
  readonly slots: number;
  readonly inUse: number;
  readonly remaining: number;
}

export type LimitState = QuotaState | BucketState | ConcurrencyState;

/** A threshold that this charge crossed: once per window. */
export interface Crossing {
  readonly limit: string;
  readonly threshold: number;
}

/** What a feature's limits are, as the RateLimit fields of an answer tell it: made once for all who share the limits. */
export interface RateLimitPolicy {
  /** The RateLimit-Policy field; '' where there is nothing to tell. */
  readonly text: string;
  /** Its limits in order, each with its name as a structured field spells it. */
  readonly items: readonly { readonly limit: string; readonly quoted: string }[];
}

export const NO_POLICY: RateLimitPolicy = { text: '', items: [] };

export interface Decision {
  readonly allowed: boolean;
  readonly reason: Reason;
  /** All limits that deny, in list order. */
  readonly deniedBy: readonly string[];
  readonly shadowDeniedBy: readonly string[];
  /** Least wait until the same amount would be admitted; 0 when allowed; null when never. */
  readonly retryAfterMs: number | null;
  readonly crossed: readonly Crossing[];
  readonly limits: Readonly<Record<string, LimitState>>;
  /** How much more would be admitted now: the least headroom over the limits; null when nothing caps it. */
  readonly remaining: number | null;
  /** End of the window of the limit that `remaining` belongs to; null where it has none. */
  readonly resetAtMs: number | null;
  readonly replayed: boolean;
  readonly degraded: boolean;
  /** Catalog version the decision was made by. */
  readonly version: number;
  /** Value of a boolean or config feature. */
  readonly value?: string | number | boolean;
}
