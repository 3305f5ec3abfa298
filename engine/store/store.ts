import { randomBytes } from 'node:crypto';
import { Breaker, type BreakerCounters, newBreakerCounters } from '../outage/breaker.js';
import type { OutboxRoom } from '../outage/outbox-room.js';
import { probeShard } from '../outage/probe.js';
import { HotHistogram } from '../platform/hot-metrics.js';
import type { Tracing } from '../platform/tracing.js';
import type { Settle, StoreCounters } from './call.js';
import type { RedisClient } from './cluster.js';
import type { Submission } from './codec.js';
import { shardName, shardOf } from './keys.js';
import { Lane } from './lane.js';
import { LaneTrace } from './lane-trace.js';
import type { Answer } from './operation.js';
import { Script } from './scripts.js';
import type { StoreClock } from './store-clock.js';

export interface StoreOptions {
  readonly redis: RedisClient;
  readonly shards: number;
  /** Tests inject the clock; left out, Redis's own decides. */
  readonly clockMs?: (() => number) | undefined;
  /** Told what time it is at Redis. */
  readonly clock: Pick<StoreClock, 'heard'>;
  readonly storeTimeoutMs: number;
  readonly storeFateMs: number;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/** The commit point: operations in, answers out, one lane of micro-batches per shard. */
export class Store {
  readonly #lanes: Lane[];
  readonly #shards: number;
  /** One of each for each shard, in order. */
  readonly breakers: readonly Breaker[];
  readonly rooms: readonly OutboxRoom[];
  /** How long calls took, one for each shard, in order. */
  readonly callTimes: readonly HotHistogram[];
  readonly breakerCounters: BreakerCounters = newBreakerCounters();
  readonly counters: StoreCounters = {
    calls: 0,
    operations: 0,
    resends: 0,
    stale: 0,
    clockFaults: 0,
    refusedFull: 0,
    timedOut: 0,
    unknownOutcomes: 0,
    refusedOutbox: 0,
    denialsDropped: 0,
  };

  constructor(options: StoreOptions) {
    const { tracing } = options;
    const script = new Script('commit');
    const gateway = randomBytes(9).toString('base64url');
    this.#shards = options.shards;
    // Each lane listens for the connection.
    options.redis.setMaxListeners(options.redis.getMaxListeners() + options.shards);
    const indexes = Array.from({ length: options.shards }, (_, index) => index);
    this.rooms = indexes.map(() => ({ isFull: false, dropsDenials: false }));
    this.callTimes = indexes.map(() => new HotHistogram());
    this.breakers = indexes.map(
      (index) =>
        new Breaker({
          probe: () => probeShard(options.redis, script, shardName(index), gateway),
          counters: this.breakerCounters,
          suspectMs: options.storeTimeoutMs / 2,
        }),
    );
    this.#lanes = indexes.map(
      (index) =>
        new Lane({
          redis: options.redis,
          script,
          shard: shardName(index),
          breaker: at(this.breakers, index),
          room: at(this.rooms, index),
          gateway,
          clockMs: options.clockMs ?? (() => 0),
          clock: options.clock,
          storeTimeoutMs: options.storeTimeoutMs,
          storeFateMs: options.storeFateMs,
          counters: this.counters,
          callTimes: at(this.callTimes, index),
          trace: tracing === undefined ? undefined : new LaneTrace(tracing, shardName(index)),
        }),
    );
  }

  /** Calls that have not been answered, over all shards. */
  get calls(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.calls, 0);
  }

  /** Operations that wait for a call, over all shards. */
  get queued(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.queued, 0);
  }

  /** Operations that wait, and calls in flight, over all shards. */
  get depth(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.depth, 0);
  }

  get shards(): number {
    return this.#shards;
  }

  /** Which lane a customer's operations take. */
  shardOf(customer: string): number {
    return shardOf(customer, this.#shards);
  }

  /** All operations of a submission are of one customer's shard. See Lane.submit. */
  submit(customer: string, submission: Submission, version: number, settle: Settle): void {
    const lane = this.#lanes[shardOf(customer, this.#shards)];
    if (lane === undefined) throw new Error(`no lane for ${customer}`);
    lane.submit(submission, version, settle);
  }

  /** As `submit`, for those who wait. */
  commit(customer: string, submission: Submission, version: number): Promise<Answer[]> {
    return new Promise((resolve, reject) => {
      this.submit(customer, submission, version, (answers) => {
        if (answers instanceof Error) reject(answers);
        else resolve(answers);
      });
    });
  }

  /** True while some shard cannot be reached, or does not decide. */
  get isAway(): boolean {
    return this.breakers.some((breaker) => breaker.isOpen);
  }

  /** A read of the catalog, given up when Redis cannot be reached. @throws WeirError store_unavailable, the read's own. */
  guard<T>(read: () => Promise<T>): Promise<T> {
    return at(this.breakers, 0).guard(read);
  }

  async drained(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.drained()));
  }

  close(): void {
    for (const lane of this.#lanes) lane.close();
    for (const breaker of this.breakers) breaker.stop();
  }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`no shard ${index}`);
  return item;
}
