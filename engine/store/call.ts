import type { Breaker } from '../outage/breaker.js';
import type { OutboxRoom } from '../outage/outbox-room.js';
import type { HotHistogram } from '../platform/hot-metrics.js';
import type { RedisClient } from './cluster.js';
import type { EncodedCall, Submission } from './codec.js';
import type { LaneTrace } from './lane-trace.js';
import type { Answer } from './operation.js';
import type { Script } from './scripts.js';
import type { StoreClock } from './store-clock.js';

/** What a lane is made of. */
export interface LaneOptions {
  readonly redis: RedisClient;
  readonly script: Script;
  readonly shard: string;
  /** Unique to this process's life. */
  readonly gateway: string;
  /** 0: Redis's clock. */
  readonly clockMs: () => number;
  readonly clock: Pick<StoreClock, 'heard'>;
  /** An operation not sent by then gives up: nothing was charged. */
  readonly storeTimeoutMs: number;
  /** A sent call whose fate is not known by then answers `outcome_unknown`. */
  readonly storeFateMs: number;
  readonly counters: StoreCounters;
  /** From sending a call to its reply. */
  readonly callTimes: HotHistogram;
  /** While it is open nothing is queued. */
  readonly breaker: Breaker;
  readonly room: OutboxRoom;
  /** Undefined where nothing is traced. */
  readonly trace?: LaneTrace | undefined;
}

/** Counted for metrics and for tests that gate the number of Redis calls. */
export interface StoreCounters {
  calls: number;
  operations: number;
  resends: number;
  stale: number;
  clockFaults: number;
  refusedFull: number;
  timedOut: number;
  unknownOutcomes: number;
  /** Refused since the outbox is full. */
  refusedOutbox: number;
  /** Denials that left no line, since the outbox is nearly full. */
  denialsDropped: number;
}

/** A submission that waits for its call, or for the call's fate. */
export interface Waiting {
  readonly submission: Submission;
  readonly version: number;
  readonly since: number;
  readonly settle: Settle;
}

/** Takes the answers of a submission, or why there are none. */
export type Settle = (answers: Answer[] | Error) => void;

/** One call of the commit script on its way. */
export interface Call {
  readonly slot: number;
  readonly sequence: number;
  readonly version: number;
  readonly waiting: readonly Waiting[];
  readonly encoded: EncodedCall;
  readonly count: number;
  readonly clockMs: number;
  readonly deadline: number;
  /** When it was sent last, by performance.now(). */
  sentMs: number;
  /** A reply was lost: it may have happened, and is sent again under its sequence until its fate is known. */
  lost: boolean;
  readonly dropsDenials: boolean;
  /** Answered or given up: a reply that still comes is ignored. */
  done: boolean;
}
