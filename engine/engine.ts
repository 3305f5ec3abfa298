import type { Span } from '@opentelemetry/api';
import type { ConfigValue } from './contract/catalog.js';
import type { CheckRequest } from './contract/check.js';
import type { Decision, LimitState, RateLimitPolicy } from './contract/decision.js';
import type { ErrorCode } from './contract/errors.js';
import type { ChargedLimit } from './contract/fact.js';

/** One usage event, parsed at the edge. Amounts are read by the meters, since their scale decides. */
export interface EventInput {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly customer: string;
  readonly entity?: string | undefined;
  /** When it happened, ms since 1970; undefined: when it is charged. */
  readonly happenedAtMs?: number | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What became of one event: charged, known already, or refused with a code of the registry (nothing charged). */
export type EventOutcome =
  | { readonly status: 'accepted'; readonly degraded: boolean }
  | { readonly status: 'duplicate' }
  | { readonly status: 'rejected'; readonly code: ErrorCode; readonly message: string };

/**
 * One charge of an event as the ledger has it: what a void takes back. An event that was sent again after its id was
 * forgotten has several.
 */
export interface Charge {
  readonly customer: string;
  readonly source: string;
  readonly id: string;
  /** Where the ledger has it: epoch, shard and outbox entry, in any spelling that is always the same. */
  readonly place: string;
  readonly entity?: string | undefined;
  readonly happenedAtMs: number;
  /** Those of the event, and what the correction says of itself (contract/void.ts). */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly facts: readonly ChargedFact[];
}

export interface ChargedFact {
  /** Empty where no feature was charged. */
  readonly feature: string;
  readonly meter: string;
  readonly amount: number;
  /** True when it counts for its meter: the first fact of its part does. */
  readonly isMetered: boolean;
  readonly late: boolean;
  /** Window starts in ms, null of a bucket; `included` as the last charge of the window has it. */
  readonly limits: readonly Omit<ChargedLimit, 'after'>[];
}

/** A charge taken back. */
export interface Correction {
  /** True when it had been taken back before: then this is the first answer again. */
  readonly replayed: boolean;
  readonly voidedAtMs: number;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly facts: readonly CorrectedFact[];
}

export interface CorrectedFact {
  readonly feature: string;
  readonly meter: string;
  /** What was taken back. */
  readonly amount: number;
  readonly limits: readonly {
    readonly id: string;
    readonly windowStartMs: number | null;
    /** Quota: used after it. Bucket: whole level after it. Null where nothing was given back. */
    readonly after: number | null;
  }[];
}

/** The end of a shard's ledger: its last entry so far. */
export interface LedgerEnd {
  readonly epoch: number;
  readonly shard: string;
  readonly outboxMs: number;
  readonly outboxSeq: number;
}

/** What became of one check of a batch: a decision, or an error of the registry for this item alone (nothing charged). */
export type CheckOutcome =
  | {
      readonly status: 'decided';
      readonly decision: Decision;
      /** Of the feature's meter: answers show amounts in units of 10^−scale. */
      readonly scale: number;
      readonly policy: RateLimitPolicy;
    }
  | { readonly status: 'failed'; readonly code: ErrorCode; readonly message: string };

export interface ReserveRequest {
  readonly id: string;
  readonly customer: string;
  readonly feature: string;
  readonly entity?: string | undefined;
  readonly amount: number | string;
  readonly ttlMs: number;
}

export interface SettleRequest {
  readonly id: string;
  readonly customer: string;
  readonly amount: number | string;
}

export interface HeartbeatRequest {
  readonly id: string;
  readonly customer: string;
  readonly ttlMs: number;
}

export interface ReservationAnswer {
  /** Whose limits hold it: commit, release and heartbeat come without it. */
  readonly feature: string;
  readonly decision: Decision;
  readonly scale: number;
  readonly policy: RateLimitPolicy;
  /** When the hold expires; 0 when settled or denied. */
  readonly expiresAtMs: number;
  /** A commit after the hold had expired. */
  readonly late: boolean;
  /** A commit of more than was held. */
  readonly overrun: boolean;
}

export interface FeatureUsage {
  /** Scale of the feature's meter: answers show amounts in units of 10^−scale. */
  readonly scale: number;
  readonly limits: Readonly<Record<string, LimitState>>;
}

export interface Entitlement {
  readonly kind: 'metered' | 'boolean' | 'config';
  readonly entitled: boolean;
  readonly value?: ConfigValue;
  readonly limits?: readonly unknown[];
}

/**
 * Who asks, for the engine to ask back: a key may be revoked between its authentication and the decision. A decision is
 * made by one version of the catalog, and by that version its caller must be allowed to ask.
 */
export interface Caller {
  /** Catalog version by which the caller was last found to be allowed. */
  readonly version: number;
  /** Looks again, by the catalog as it is now. @throws WeirError invalid_key, forbidden: nothing is decided then. */
  authorizeAgain(): void;
  /** The request's span, where it is traced. */
  readonly span?: Span | undefined;
}

/** The decision engine's public face. Every method is safe to call concurrently; calls are micro-batched per shard. */
export interface Engine {
  /** Decides one check; `dryRun` peeks. @throws WeirError for bad amounts, id conflicts, an unreachable store. */
  check(request: CheckRequest, caller?: Caller): Promise<CheckOutcome>;
  /** Decides in order, each seeing those before it; `atomic`: all or none, one customer. */
  checkMany(requests: readonly CheckRequest[], atomic: boolean, caller?: Caller): Promise<CheckOutcome[]>;
  /** Charges events; each on its own. Resolves when all are safe against the death of any process. */
  record(events: readonly EventInput[], caller?: Caller): Promise<EventOutcome[]>;
  /** Holds an amount. @throws WeirError not_metered, id_conflict and the errors of check. */
  reserve(request: ReserveRequest, caller?: Caller): Promise<ReservationAnswer>;
  /** Charges a hold. @throws WeirError unknown_reservation, already_committed, already_released. */
  commit(request: SettleRequest, caller?: Caller): Promise<ReservationAnswer>;
  /** Gives a hold back. @throws WeirError unknown_reservation, already_committed, reservation_expired. */
  release(request: Omit<SettleRequest, 'amount'>, caller?: Caller): Promise<ReservationAnswer>;
  /** Keeps a hold for another ttl. @throws WeirError unknown_reservation, reservation_expired. */
  heartbeat(request: HeartbeatRequest, caller?: Caller): Promise<ReservationAnswer>;
  /** Live counters of all metered features of a customer, or with an entity's. @throws WeirError `unknown_customer`, `unknown_entity`. */
  usage(customer: string, entity?: string): Promise<{ version: number; features: Record<string, FeatureUsage> }>;
  /** What the customer may use by the catalog, status and validity included. @throws WeirError `unknown_customer`. */
  entitlements(customer: string): Promise<{
    version: number;
    plan: string;
    status: string;
    startsAt: string | null;
    endsAt: string | null;
    features: Record<string, Entitlement>;
  }>;
  /** True when Redis answers and this shard map is initialised. */
  ready(): Promise<{ ready: boolean; problems: string[] }>;
  /** Waits for what is in flight, then closes connections. */
  close(): Promise<void>;
}
