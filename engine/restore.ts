import { ByteWriter } from './contract/bytes.js';
import type { Customer } from './contract/catalog.js';
import { LIMIT_KIND_BUCKET, LIMIT_KIND_QUOTA } from './contract/fact.js';
import type { Decider } from './decide.js';
import { type BucketRule, type QuotaRule, warningsTagOf } from './limits/limit-set.js';
import { boundaries } from './limits/window.js';
import type { RedisClient } from './store/cluster.js';
import {
  absentKey,
  customerHolder,
  entityHolder,
  holderKey,
  outboxKey,
  shardName,
  shardOf,
  shardStateKey,
  warningsKey,
} from './store/keys.js';
import { Script } from './store/scripts.js';

/** What the ledger has of one window of a quota, or of a bucket. */
export interface ChargedLimit {
  readonly customer: string;
  readonly feature: string;
  /** As facts name it, `entity/limit` for an entity's. */
  readonly limitId: string;
  /** Start of the window; null for a bucket. */
  readonly windowMs: number | null;
  /** Sum of the amounts. */
  readonly charged: bigint;
  /** What was included → the most that was used while it was. */
  readonly peaks: ReadonlyMap<number, number>;
  /** Of the last fact: what the counter was after it, and when. */
  readonly after: number;
  readonly atMs: number;
}

/** A bucket or a quota whose state a holder keeps. */
interface NamedLimit {
  readonly tag: string;
  readonly feature: string;
  readonly rule: BucketRule | QuotaRule;
}

/** A holder to be restored. */
export interface LostHolder {
  readonly customer: string;
  readonly entity: string;
  readonly limits: readonly NamedLimit[];
}

/** A holder as the script takes it. */
export interface RestoredHolder {
  readonly bytes: Buffer;
  /** Tag of crossed thresholds → their percents. */
  readonly warnings: ReadonlyMap<number, readonly number[]>;
}

/** Holders of one call: some milliseconds of Redis. */
const HOLDERS_PER_CALL_MAX = 128;
const NO_HOLD = 0;
const NO_FRACTION = 0;

/** Writes the counters of shards that have lost their state, before they decide again. */
export class CounterRestorer {
  readonly #script = new Script('restore-holders');
  readonly #redis: RedisClient;
  readonly #decider: Decider;
  readonly #shards: number;

  constructor(redis: RedisClient, decider: Decider, shards: number) {
    this.#redis = redis;
    this.#decider = decider;
    this.#shards = shards;
  }

  shardOf(customer: string): string {
    return shardName(shardOf(customer, this.#shards));
  }

  /**
   * Those of the shards that have facts in their outbox: no Redis that was lost, since a shard without a state charges
   * nothing. Under a new epoch they would be booked a second time.
   */
  async withFacts(shards: readonly string[]): Promise<string[]> {
    const lengths = await Promise.all(shards.map((shard) => this.#redis.xlen(outboxKey(shard))));
    return shards.filter((_, index) => lengths[index] !== 0);
  }

  /**
   * The holders of a customer and its entities; none where it is gone. Read past the breaker, which is open while the
   * shard has no state. @throws the client's errors when Redis is away.
   */
  async holdersOf(id: string): Promise<LostHolder[]> {
    const { view } = this.#decider;
    if (view.customer(id) === undefined) await view.loadCustomer(id);
    const customer = view.customer(id);
    if (customer === undefined) throw new Error(`customer ${id} was forgotten as soon as it was loaded`);
    if (customer === null) return [];
    return ['', ...(customer.entities ?? []).map((entity) => entity.id)].map((entity) => ({
      ...{ customer: id, entity },
      limits: this.#limitsOf(customer, entity),
    }));
  }

  #limitsOf(customer: Customer, entity: string): NamedLimit[] {
    const limits: NamedLimit[] = [];
    for (const feature of this.#decider.view.features()) {
      if (feature.kind !== 'metered') continue;
      const access = this.#decider.access(customer.id, feature.id, entity === '' ? undefined : entity);
      access.set.rules.forEach((rule, index) => {
        const place = access.set.places[index];
        if (rule.kind === 'concurrency' || place?.slot !== access.entities.length) return;
        limits.push({ tag: place.tag, feature: feature.id, rule });
      });
    }
    return limits;
  }

  /**
   * Writes holders of one shard, those that were ever charged.
   * @returns false when the shard decides again, and nothing more was written.
   */
  async write(shard: string, holders: readonly LostHolder[], charged: ChargedLimits): Promise<boolean> {
    const restored = holders.flatMap((holder) => {
      const state = restoredHolder(holder, charged);
      return state === undefined ? [] : [{ key: keyOf(shard, holder), ...state }];
    });
    for (let at = 0; at < restored.length; at += HOLDERS_PER_CALL_MAX) {
      const some = restored.slice(at, at + HOLDERS_PER_CALL_MAX);
      const warnings = new Map(some.flatMap((holder) => [...holder.warnings]));
      const keys = [shardStateKey(shard), warningsKey(shard), ...some.map(({ key }) => key)];
      if (this.#redis.isCluster) keys.push(absentKey(shard));
      const packed = [...warnings].flatMap(([tag, percents]) => [String(tag), packPercents(percents)]);
      const args = [String(warnings.size), ...packed, ...some.map(({ bytes }) => bytes)];
      if ((await this.#script.run(this.#redis, keys, args)) !== 1) return false;
    }
    return true;
  }
}

const keyOf = (shard: string, { customer, entity }: LostHolder): string =>
  holderKey(shard, entity === '' ? customerHolder(customer) : entityHolder(customer, entity));

function packPercents(percents: readonly number[]): Buffer {
  const writer = new ByteWriter();
  for (const percent of percents) writer.u16(percent);
  return writer.take();
}

/** Charges by customer, feature, limit and window. */
export class ChargedLimits {
  readonly #charges = new Map<string, ChargedLimit>();

  constructor(charges: Iterable<ChargedLimit>) {
    for (const charge of charges) this.#charges.set(nameOf(charge), charge);
  }

  get(customer: string, feature: string, limitId: string, windowMs: number | null): ChargedLimit | undefined {
    return this.#charges.get(nameOf({ customer, feature, limitId, windowMs }));
  }
}

const nameOf = ({ customer, feature, limitId, windowMs }: Omit<ChargedLimit, 'charged' | 'peaks' | 'after' | 'atMs'>) =>
  `${customer}\0${feature}\0${limitId}\0${windowMs ?? ''}`;

/** Starts of the windows that a holder's quotas may stand in: the one before, the present one, and the next. */
export function windowStarts({ limits }: LostHolder): number[] {
  return limits.flatMap(({ rule }) => (rule.kind === 'quota' ? rule.boundaries.slice(0, 3) : []));
}

/**
 * A holder's state as the ledger says it was (lua/include/holder.lua); undefined where nothing was charged.
 *
 * A quota stands in the latest window that was charged or is current. A bucket has the level that its last fact left, and
 * fills from that time on. A threshold counts as crossed where a fact crossed it, under what is included now, or under
 * what was included then while it still holds: so that it is not announced again (include/limits.lua, rearm).
 */
export function restoredHolder(holder: LostHolder, charged: ChargedLimits): RestoredHolder | undefined {
  const directory = new ByteWriter();
  const numbers = new ByteWriter();
  const warnings = new Map<number, readonly number[]>();
  let latestMs = 0;
  for (const { tag, feature, rule } of holder.limits) {
    const chargeOf = (windowMs: number | null) => charged.get(holder.customer, feature, rule.name, windowMs);
    if (rule.kind === 'bucket') {
      const last = chargeOf(null);
      if (last === undefined) continue;
      latestMs = Math.max(latestMs, last.atMs);
      directory.u8(LIMIT_KIND_BUCKET);
      directory.hex(tag);
      for (const number of [last.after, NO_FRACTION, last.atMs, rule.everyMs]) numbers.f64(number);
      continue;
    }
    const [, currentMs, nextMs] = rule.boundaries;
    // A clock that is behind the one before does not take a quota back to an earlier window.
    const startMs = chargeOf(nextMs) === undefined ? currentMs : nextMs;
    const [previousMs] = boundaries(rule.window, startMs);
    const current = chargeOf(startMs);
    const previous = previousMs < startMs ? chargeOf(previousMs) : undefined;
    if (current === undefined && previous === undefined) continue;
    latestMs = Math.max(latestMs, current?.atMs ?? 0, previous?.atMs ?? 0);
    const crossed = crossedMask(rule, current);
    const warningsTag = warningsTagOf(rule);
    if (crossed > 0) warnings.set(warningsTag, rule.percents);
    directory.u8(LIMIT_KIND_QUOTA);
    directory.hex(tag);
    for (const number of [startMs, usedOf(current), 0, usedOf(previous)]) numbers.f64(number);
    numbers.u32(warningsTag);
    numbers.u16(crossed);
  }
  if (directory.length === 0) return undefined;
  const bytes = new ByteWriter();
  bytes.f64(latestMs);
  bytes.f64(NO_HOLD);
  bytes.u16(directory.length);
  bytes.bytes(directory.take());
  bytes.bytes(numbers.take());
  return { bytes: bytes.take(), warnings };
}

/** Never below 0: a void of a charge that is not in the ledger is not in it either. */
const usedOf = (charge: ChargedLimit | undefined): number => Number(charge?.charged ?? 0n);

function crossedMask({ included, percents }: QuotaRule, charge: ChargedLimit | undefined): number {
  if (charge === undefined || included === 0) return 0;
  const holds = (percent: number, of: number, used: number) => BigInt(used) * 100n >= BigInt(percent) * BigInt(of);
  let mask = 0;
  percents.forEach((percent, index) => {
    const crossed = [...charge.peaks].some(
      ([of, peak]) =>
        of > 0 && holds(percent, of, peak) && (of === included || holds(percent, included, usedOf(charge))),
    );
    if (crossed) mask += 2 ** index;
  });
  return mask;
}
