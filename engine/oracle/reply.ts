import type { Limit } from '../contract/catalog.js';
import type { Decision, Reason } from '../contract/decision.js';
import type { FactKind } from '../contract/fact.js';
import type { Charge } from '../engine.js';
import type { Holder } from './limit-state.js';

/** What the model is asked, what it knows of the catalog, and what it answers. Amounts in the meter's smallest unit. */

interface OnFeature {
  readonly feature: string;
  readonly entity?: string | undefined;
  readonly amount: number;
}
export type CheckAsk = OnFeature & { readonly op: 'check' | 'peek' | 'record'; readonly id?: string | undefined };
export type ReserveAsk = OnFeature & { readonly op: 'reserve'; readonly reservation: string; readonly ttlMs: number };
export type SettleAsk =
  | { readonly op: 'commit'; readonly reservation: string; readonly amount: number }
  | { readonly op: 'release'; readonly reservation: string };
export interface HeartbeatAsk {
  readonly op: 'heartbeat';
  readonly reservation: string;
  readonly ttlMs: number;
}
export interface EventAsk {
  readonly op: 'event';
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly entity?: string | undefined;
  readonly happenedAtMs?: number | undefined;
  readonly data: Readonly<Record<string, number>>;
}
/** The charge stands as the ledger has it. */
export interface VoidAsk {
  readonly op: 'void';
  readonly charge: Charge;
}
export type Ask = CheckAsk | ReserveAsk | SettleAsk | HeartbeatAsk | EventAsk | VoidAsk;

/** A limit as it applies to an operation: add-ons are in its amount. */
export interface Rule {
  /** Whose state it has: feature, entity and limit. */
  readonly key: string;
  /** As answers name it. */
  readonly name: string;
  readonly limit: Limit;
}

/** What a customer may do with one feature. */
export interface Grant {
  /** Why nothing is admitted, whatever the limits say. */
  readonly refusal: Reason | null;
  /** A boolean or config feature: allowed without limits. */
  readonly free: boolean;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly meter: string;
  readonly rules: readonly Rule[];
}

/** One usage fact of an event. `feature` is empty where no feature of the customer is charged. */
export interface EventPart {
  readonly meter: string;
  readonly feature: string;
  readonly amount: number;
  readonly rules: readonly Rule[];
}

/** The catalog in force, of one customer. */
export interface Scope {
  readonly holder: Holder;
  /** Null for an entity that is not the customer's. */
  grant(feature: string, entity: string | undefined): Grant | null;
  /** @returns the code of a rejection where the event cannot be read. */
  parts(event: EventAsk): readonly EventPart[] | string;
}

/** A decision as the model makes it; the rest of a `Decision` is none of its business. */
export type Decided = Omit<Decision, 'version' | 'degraded' | 'value'>;

export type Result =
  | { readonly kind: 'error'; readonly code: string }
  | {
      readonly kind: 'decided';
      readonly decision: Decided;
      /** Reservations only, else 0. */
      readonly expiresAtMs: number;
      readonly late: boolean;
      readonly overrun: boolean;
    }
  | { readonly kind: 'event'; readonly status: 'accepted' | 'duplicate' }
  /** `after`: of each limit of each fact, null where nothing was given back. */
  | { readonly kind: 'voided'; readonly replayed: boolean; readonly after: readonly (number | null)[] };

/** A line of the usage ledger. */
export interface ExpectedFact {
  readonly kind: FactKind;
  readonly feature: string;
  readonly meter: string;
  readonly entity: string;
  readonly amount: number;
  readonly late: boolean;
  readonly happenedAtMs: number;
  readonly chargedAtMs: number;
  readonly limits: readonly ChargedLimit[];
}
export interface ChargedLimit {
  readonly name: string;
  /** Null for a bucket. */
  readonly windowStartMs: number | null;
  /** AFTER_NOTHING where a void found nothing of the charge in the counter. */
  readonly after: number;
}

/** A commit's charge of a quota that it was held on and that has left the plan since. */
export interface UnlistedCharge {
  /** Key of the rule. */
  readonly key: string;
  readonly windowStartMs: number;
  readonly used: number;
}

/** A line of the denial ledger. */
export interface ExpectedDenial {
  readonly feature: string;
  readonly reason: Reason;
  readonly deniedBy: readonly string[];
  readonly amount: number;
}

export interface Reply {
  readonly result: Result;
  readonly facts: readonly ExpectedFact[];
  readonly denial: ExpectedDenial | null;
  /** Charges of limits that are not in force: no fact names them. */
  readonly unlisted?: readonly UnlistedCharge[];
}
