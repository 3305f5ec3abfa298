import type { DecodedHead, FactHead } from '../contract/fact.js';
import type { LimitSet } from '../limits/limit-set.js';

/** Kinds as the script takes them (lua/include/operations.lua). */
export const KIND = {
  check: 1,
  peek: 2,
  record: 3,
  reserve: 4,
  commit: 5,
  release: 6,
  touch: 7,
  heartbeat: 8,
  void: 9,
} as const;
export type OperationKind = keyof typeof KIND;

/** How an id is remembered: that it was seen (events), with its answer (checks), as a reservation. */
export const ID_MODE = { none: 0, seen: 1, answer: 2, reservation: 3 } as const;

export interface OperationId {
  readonly mode: 1 | 2 | 3;
  /** 32 hexadecimal digits: customer, space and id. */
  readonly fingerprint: string;
  /** 16 hexadecimal digits: what must be the same under the same id. */
  readonly body: string;
  /** Reservations only. */
  readonly ttlMs: number;
  readonly feature: string;
}

export interface OperationPart {
  readonly set: LimitSet;
  readonly amount: number;
  /** FACT_METER_FIRST where this part's fact counts for its meter. */
  readonly flags: number;
  /** Of a void only: the limits that its event's fact names, in the order of the set's descriptor. */
  readonly voided?: readonly VoidedPlace[];
}

/** A limit that an event was charged to. */
export interface VoidedPlace {
  /** Its place among the set's rules, from 1; 0 where it is no longer in force. */
  readonly place: number;
  /** Start of the quota window charged; WINDOW_OF_BUCKET for a bucket. */
  readonly windowStartMs: number;
}

/** One operation on its way to the commit script. Amounts are whole and in range, times in ms. */
export interface Operation {
  readonly kind: OperationKind;
  readonly gate: number;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  /** 0: now. */
  readonly happenedAtMs: number;
  readonly id: OperationId | undefined;
  readonly head: FactHead;
  /** Entities whose limits are decided too, from the top down: the holders of slots 1, 2 … */
  readonly entities: readonly string[];
  readonly parts: readonly OperationPart[];
}

/** State of one limit in an answer: quota used and reserved, bucket level and fraction, concurrency slots in use. */
export interface AnswerState {
  /** 0 the window before, 1 the current, 2 the next, as the set's boundaries have them. */
  readonly window: number;
  readonly denies: boolean;
  /** Bit n: the n-th percent was crossed. */
  readonly crossed: number;
  readonly first: number;
  readonly second: number;
  /** Of a remembered answer only: what the catalog said then. */
  readonly recalled?: { readonly included: number; readonly hard: number | null; readonly endMs: number };
}

export interface AnswerFlags {
  readonly replayed: boolean;
  readonly clockFault: boolean;
  readonly late: boolean;
  readonly overrun: boolean;
}

/** A limit of an operation whose window at an instant was not sent along. */
export interface Lacking {
  readonly instantMs: number;
  /** The first such among the limits of all the operation's parts, from 1; 0: only others of its atomic group lack one. */
  readonly place: number;
}

/** What the script said of one operation. */
export type Answer =
  | {
      readonly status: 'admitted' | 'denied' | 'recorded' | 'settled' | 'undone_by_batch';
      readonly flags: AnswerFlags;
      readonly states: readonly AnswerState[];
      /** Denials only: the customer's clock at the decision, from which waits count. */
      readonly atMs: number;
      /** Reservations only: when the hold expires. */
      readonly expiresAtMs: number;
    }
  | {
      readonly status: 'voided';
      readonly flags: AnswerFlags;
      /** Head of the correction's facts: as it was the first time. */
      readonly head: DecodedHead;
      readonly voidedAtMs: number;
      /** For each limit of each part: the counter after it, null where nothing was given back. */
      readonly after: readonly (number | null)[];
    }
  | { readonly status: 'gated'; readonly reason: number }
  | ({ readonly status: 'needs_window' } & Lacking)
  | { readonly status: 'needs_set'; readonly feature: string }
  | {
      readonly status:
        | 'id_conflict'
        | 'amount_out_of_range'
        | 'time_in_future'
        | 'unknown_reservation'
        | 'already_committed'
        | 'already_released'
        | 'reservation_expired'
        | 'id_memory_full';
    };
