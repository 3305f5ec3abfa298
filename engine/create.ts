import { once } from 'node:events';
import { type CatalogLog, openCatalogView, type RedisCatalogView } from './catalog/cache.js';
import { connectRedis, type RedisClient, type RedisTarget } from './catalog/redis.js';
import { Checks } from './checks.js';
import type { Feature } from './contract/catalog.js';
import type { CheckRequest } from './contract/check.js';
import type { Decision } from './contract/decision.js';
import { WeirError } from './contract/errors.js';
import { CounterReader } from './counters.js';
import { Decider } from './decide.js';
import type {
  Caller,
  Charge,
  CheckOutcome,
  Correction,
  Engine,
  Entitlement,
  EventInput,
  EventOutcome,
  FeatureUsage,
  HeartbeatRequest,
  LedgerEnd,
  ReservationAnswer,
  ReserveRequest,
  SettleRequest,
} from './engine.js';
import { Events } from './events.js';
import type { Rule } from './limits/limit-set.js';
import { GATE_FREE, GATE_OPEN } from './limits/resolve.js';
import { takenOperation } from './operations.js';
import type { Breaker, BreakerCounters } from './outage/breaker.js';
import { Outage, type OutageOptions } from './outage/outage.js';
import { OutboxWatch } from './outage/outbox-watch.js';
import type { HotHistogram } from './platform/hot-metrics.js';
import type { Tracing } from './platform/tracing.js';
import { GatewayPulses } from './pulses.js';
import { Reservations } from './reservations.js';
import { CounterRestorer } from './restore.js';
import type { StoreCounters } from './store/call.js';
import { outboxKey, shardName, shardStateKey } from './store/keys.js';
import { readLedgerEnd } from './store/ledger-end.js';
import { type OutboxDepth, readOutboxDepth } from './store/outbox-depth.js';
import { Store } from './store/store.js';
import { StoreClock } from './store/store-clock.js';
import { Sweeper } from './sweep.js';
import { Usage } from './usage.js';
import { Voids } from './voids.js';

export interface EngineOptions {
  readonly redis: RedisTarget;
  readonly log?: CatalogLog;
  /** An operation not sent by then answers `store_unavailable`; ms. */
  readonly storeTimeoutMs?: number;
  /** A sent operation whose fate is unknown by then answers `outcome_unknown`; ms. */
  readonly storeFateMs?: number;
  /** Tests inject the clock of decisions; left out, Redis's own decides. */
  readonly clockMs?: () => number;
  /** This process's own clock, which is asked at the start; left out, `clockMs`, else the system's. */
  readonly ownClockMs?: () => number;
  /** How checks are decided while Redis cannot be reached; left out, they are errors then. */
  readonly outage?: OutageOptions;
  /** Bytes that facts may take in Redis while nobody fetches them; left out, nobody looks. */
  readonly outboxBytesMax?: number;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

const STORE_TIMEOUT_MS = 200;
const STORE_FATE_MS = 2_000;

/**
 * Connects the decision engine to Redis.
 * @throws WeirError `uninitialised` where there is no catalog yet; the client's errors when Redis cannot be reached.
 */
export async function createEngine(options: EngineOptions): Promise<WeirEngine> {
  const view = await openCatalogView({
    redis: options.redis,
    ...(options.log === undefined ? {} : { log: options.log }),
  });
  const redis = connectRedis(options.redis, { connectionName: 'weir-engine', enableOfflineQueue: false });
  redis.on('error', (error) => options.log?.warn({ error }, 'the engine cannot reach Redis'));
  if (redis.status !== 'ready') await once(redis, 'ready');
  return new WeirEngine(view, redis, options);
}

/** The engine with what its process needs beside the public face: the view, and counters for metrics. */
export class WeirEngine implements Engine {
  readonly view: RedisCatalogView;
  readonly #redis: RedisClient;
  readonly #clock: StoreClock;
  readonly #store: Store;
  readonly #decider: Decider;
  readonly #checks: Checks;
  readonly #events: Events;
  readonly #reservations: Reservations;
  readonly #usage: Usage;
  readonly #outage: Outage | undefined;
  readonly #outboxWatch: OutboxWatch | undefined;
  readonly #voids: Voids;

  /** For `createEngine`. */
  constructor(view: RedisCatalogView, redis: RedisClient, options: EngineOptions) {
    this.view = view;
    this.#redis = redis;
    const steadyMs = options.clockMs ?? (() => performance.now());
    this.#clock = new StoreClock(options.ownClockMs ?? options.clockMs ?? Date.now, steadyMs);
    this.#store = new Store({
      redis,
      clock: this.#clock,
      shards: view.shards,
      clockMs: options.clockMs,
      storeTimeoutMs: options.storeTimeoutMs ?? STORE_TIMEOUT_MS,
      storeFateMs: options.storeFateMs ?? STORE_FATE_MS,
      tracing: options.tracing,
    });
    this.#decider = new Decider(view, this.#store, this.#clock.nowMs);
    const { outage, outboxBytesMax, clockMs, log } = options;
    if (outage !== undefined) {
      this.#outage = new Outage({ ...outage, redis, decider: this.#decider, store: this.#store, clockMs, log });
    }
    if (outboxBytesMax !== undefined) {
      this.#outboxWatch = new OutboxWatch({ redis, rooms: this.#store.rooms, bytesMax: outboxBytesMax, log });
    }
    this.#checks = new Checks(this.#decider, this.#outage);
    this.#events = new Events(this.#decider);
    this.#reservations = new Reservations(this.#decider);
    this.#usage = new Usage(this.#decider);
    this.#voids = new Voids(this.#decider);
  }

  /** How far this process's clock is ahead of Redis's, ms. */
  get clockAheadMs(): number {
    return this.#clock.aheadMs;
  }

  /** Counted since the start: calls of the script, operations, resends … */
  get counters(): Readonly<StoreCounters> {
    return this.#store.counters;
  }

  /** Of the breakers of all shards. */
  get breakers(): { readonly counters: Readonly<BreakerCounters>; readonly open: number } {
    const { breakers, breakerCounters } = this.#store;
    return { counters: breakerCounters, open: breakers.filter((breaker) => breaker.isOpen).length };
  }

  /** What was done while Redis could not be reached; undefined where nothing is. */
  get outage(): Outage | undefined {
    return this.#outage;
  }

  /** Bytes in the outboxes of all shards, as last measured. */
  get outboxBytes(): number {
    return this.#outboxWatch?.bytes ?? 0;
  }

  /** Times the outboxes could not be measured. */
  get outboxFailures(): number {
    return this.#outboxWatch?.failures ?? 0;
  }

  /** The background work on this engine's Redis. @param idMemoryMb memory for remembered ids, MiB. */
  sweeper(idMemoryMb: number): Sweeper {
    const { shards } = this.view;
    return new Sweeper({
      redis: this.#redis,
      shards,
      touch: (customer) => this.#touch(customer),
      idBytesMax: idMemoryMb * 1024 * 1024,
    });
  }

  /** Counters as of one point of their outbox, for whoever compares them with the ledger. */
  counterReader(): CounterReader {
    return new CounterReader(this.#redis, this.#decider, this.view.shards);
  }

  /** Writes counters of shards that have lost their state. */
  counterRestorer(): CounterRestorer {
    return new CounterRestorer(this.#redis, this.#decider, this.view.shards);
  }

  /** What gateways tell of themselves. */
  pulses(): GatewayPulses {
    return new GatewayPulses(this.#redis);
  }

  /** What waits in the outboxes of all shards. @throws the client's errors. */
  outboxDepth(): Promise<OutboxDepth> {
    const keys = Array.from({ length: this.view.shards }, (_, index) => outboxKey(shardName(index)));
    return readOutboxDepth(this.#redis, keys);
  }

  /** Operations that wait for a call, and calls that were not answered yet. */
  get lanes(): { readonly queued: number; readonly calls: number } {
    return this.#store;
  }

  /** How long calls took, by shard. */
  get callTimes(): readonly (readonly [shard: string, times: HotHistogram])[] {
    return this.#store.callTimes.map((times, index) => [shardName(index), times]);
  }

  /** Operations that wait, and calls in flight. */
  get depth(): number {
    return this.#store.depth;
  }

  check(request: CheckRequest, caller?: Caller): Promise<CheckOutcome> {
    return this.#checks.check(request, caller);
  }

  checkMany(requests: readonly CheckRequest[], atomic: boolean, caller?: Caller): Promise<CheckOutcome[]> {
    return atomic ? this.#checks.checkAtomic(requests, caller) : this.#checks.checkMany(requests, caller);
  }

  record(events: readonly EventInput[], caller?: Caller): Promise<EventOutcome[]> {
    return this.#events.record(events, caller);
  }

  /** A record of one feature under an id whose answer is remembered. */
  recordFeature(request: CheckRequest): Promise<Decision> {
    return this.#checks.recordFeature(request);
  }

  reserve(request: ReserveRequest, caller?: Caller): Promise<ReservationAnswer> {
    return this.#reservations.reserve(request, caller);
  }

  commit(request: SettleRequest, caller?: Caller): Promise<ReservationAnswer> {
    return this.#reservations.commit(request, caller);
  }

  release(request: Omit<SettleRequest, 'amount'>, caller?: Caller): Promise<ReservationAnswer> {
    return this.#reservations.release(request, caller);
  }

  heartbeat(request: HeartbeatRequest, caller?: Caller): Promise<ReservationAnswer> {
    return this.#reservations.heartbeat(request, caller);
  }

  /** Takes one charge of an event back, once however often it is asked for. @throws WeirError of the store. */
  void(charge: Charge, caller?: Caller): Promise<Correction> {
    return this.#voids.void(charge, caller);
  }

  /**
   * Where the ledger of a customer's shard ends now: whoever has all of it up to there knows all that was charged by
   * then. Undefined while nothing was charged. @throws WeirError uninitialised, store_unavailable.
   */
  async ledgerEnd(customer: string): Promise<LedgerEnd | undefined> {
    const shard = shardName(this.#store.shardOf(customer));
    try {
      return await readLedgerEnd(this.#redis, shard);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      throw new WeirError('store_unavailable', error instanceof Error ? error.message : undefined);
    }
  }

  /** Undoes a customer's expired holds. */
  async #touch(customer: string): Promise<void> {
    await this.#decider.retried(() => this.#decider.commit([takenOperation('touch', { customer })], false));
  }

  async usage(
    customerId: string,
    entity?: string,
  ): Promise<{ version: number; features: Record<string, FeatureUsage> }> {
    const features = await this.#usage.of(customerId, entity);
    return { version: this.view.version, features };
  }

  async entitlements(customerId: string): ReturnType<Engine['entitlements']> {
    const customer = await this.#decider.loaded(customerId);
    const features: Record<string, Entitlement> = {};
    for (const feature of this.view.features()) features[feature.id] = this.#entitlement(customerId, feature);
    return {
      version: this.view.version,
      plan: customer.plan,
      status: customer.status,
      startsAt: customer.startsAt ?? null,
      endsAt: customer.endsAt ?? null,
      features,
    };
  }

  #entitlement(customer: string, feature: Feature): Entitlement {
    const access = this.#decider.access(customer, feature.id);
    const entitled = access.gate === GATE_OPEN || access.gate === GATE_FREE;
    if (feature.kind !== 'metered') {
      return { kind: feature.kind, entitled, ...(access.value === undefined ? {} : { value: access.value }) };
    }
    const limits = access.set.rules.map(entitledLimit);
    return { kind: feature.kind, entitled, limits };
  }

  async ready(): Promise<{ ready: boolean; problems: string[] }> {
    // Who asks Redis that is silent waits for long.
    const away = this.#store.breakers.flatMap((breaker, index) => (breaker.isOpen ? [problemOf(breaker, index)] : []));
    if (away.length > 0) return { ready: false, problems: away };
    try {
      for (let index = 0; index < this.view.shards; index++) {
        const shard = shardName(index);
        if ((await this.#redis.exists(shardStateKey(shard))) === 0) {
          return { ready: false, problems: [`redis: shard ${shard} is uninitialised`] };
        }
      }
      return { ready: true, problems: [] };
    } catch (error) {
      return { ready: false, problems: [`redis: ${error instanceof Error ? error.message : String(error)}`] };
    }
  }

  async close(): Promise<void> {
    await this.#store.drained();
    await this.#outage?.close();
    this.#outboxWatch?.close();
    this.#store.close();
    this.#redis.disconnect();
    await this.view.close();
  }
}

function problemOf({ cause }: Breaker, index: number): string {
  return `redis: shard ${shardName(index)} ${cause === 'uninitialised' ? 'is uninitialised' : 'does not answer'}`;
}

/** A limit as an entitlement shows it: what is allowed, without counters. */
function entitledLimit(rule: Rule): Readonly<Record<string, unknown>> {
  const { kind, name, shadow } = rule;
  switch (rule.kind) {
    case 'bucket':
      return {
        id: name,
        kind,
        capacity: rule.capacity,
        refill: { amount: rule.amount, everyMs: rule.everyMs },
        shadow,
      };
    case 'quota':
      return {
        id: name,
        kind,
        included: rule.included,
        hard: rule.hard,
        every: rule.window.every,
        warnAt: rule.percents,
        shadow,
      };
    case 'concurrency':
      return { id: name, kind, slots: rule.slots, shadow };
  }
}
