import { ByteReader } from './contract/bytes.js';
import { WeirError } from './contract/errors.js';
import { LIMIT_KIND_BUCKET, LIMIT_KIND_QUOTA } from './contract/fact.js';
import type { Decider } from './decide.js';
import { boundaries, type ResolvedWindow } from './limits/window.js';
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
} from './store/keys.js';
import { parseOutboxId } from './store/outbox.js';
import { Script } from './store/scripts.js';

/** A place in the stream of facts: everything of a shard at or before it. */
export interface CounterPoint {
  readonly shard: string;
  readonly epoch: number;
  readonly outboxMs: number;
  readonly outboxSeq: number;
  /** Redis's clock there, ms since 1970. */
  readonly atMs: number;
}

/** What a holder keeps of one quota: the window it stands in, and the one before. */
export interface QuotaCounter {
  readonly customer: string;
  /** '' for the customer's own. */
  readonly entity: string;
  /** limitKey of feature and limit, hexadecimal. */
  readonly key: string;
  /** null where the catalog no longer has the limit. */
  readonly feature: string | null;
  /** As facts name it, `entity/limit` for an entity's; null with `feature`. */
  readonly limit: string | null;
  readonly windowStartMs: number;
  /** Start of the window before; null where there is none, or its definition is not known any more. */
  readonly previousStartMs: number | null;
  readonly used: number;
  readonly before: number;
}

/** Counters of one shard as of one point. */
export interface CounterReading {
  readonly point: CounterPoint;
  readonly counters: readonly QuotaCounter[];
}

/** A holder to read, with the quotas that the catalog gives it. */
interface HolderQuestion {
  readonly customer: string;
  readonly entity: string;
  readonly quotas: readonly NamedQuota[];
}

interface NamedQuota {
  readonly tag: string;
  readonly feature: string;
  readonly limit: string;
  readonly window: ResolvedWindow;
}

/** Holders of one call: some tens of microseconds of Redis, so that checks do not notice. */
const HOLDERS_PER_CALL_MAX = 128;
const KEY_DIGITS = 10;
/** Of a limit's mark (lua/include/holder.lua). */
const KIND_BITS = 3;
const BUCKET_BYTES = 32;
const CONCURRENCY_BYTES = 8;
const QUOTA_REST_BYTES = 6;
/** Of an open hold, before the length of its record. */
const OPEN_HOLD_BYTES = 32;

/** Reads counters, each together with the place in the outbox up to which its facts account for it. Writes nothing. */
export class CounterReader {
  readonly #script = new Script('read-counters');
  readonly #redis: RedisClient;
  readonly #decider: Decider;
  readonly #shards: number;

  constructor(redis: RedisClient, decider: Decider, shards: number) {
    this.#redis = redis;
    this.#decider = decider;
    this.#shards = shards;
  }

  /**
   * The quotas of customers and of their entities, a few holders a reading. A quota that was never charged is there with
   * 0; so are states whose limits have left the catalog, with what they hold.
   * @param gone further holders by customer ('' its own), read also where customer or entity has left the catalog.
   * @throws WeirError unknown_customer, uninitialised; the client's errors when Redis is away.
   */
  async *read(
    customers: readonly string[],
    gone: ReadonlyMap<string, readonly string[]> = new Map(),
  ): AsyncGenerator<CounterReading> {
    const byShard = new Map<string, HolderQuestion[]>();
    for (const id of customers) {
      const shard = shardName(shardOf(id, this.#shards));
      const questions = byShard.get(shard) ?? [];
      byShard.set(shard, questions);
      questions.push(...(await this.#decider.retried(async () => this.#holdersOf(id, gone.get(id)))));
      while (questions.length >= HOLDERS_PER_CALL_MAX) {
        yield await this.#readShard(shard, questions.splice(0, HOLDERS_PER_CALL_MAX));
      }
    }
    for (const [shard, questions] of byShard) {
      if (questions.length > 0) yield await this.#readShard(shard, questions);
    }
  }

  /** True once the relay has taken everything up to the point out of the outbox: then JetStream has it. */
  async isRelayed({ shard, outboxMs, outboxSeq }: CounterPoint): Promise<boolean> {
    const waiting = await this.#redis.xrange(outboxKey(shard), '-', `${outboxMs}-${outboxSeq}`, 'COUNT', 1);
    return waiting.length === 0;
  }

  /** Resolved in this turn of the event loop. @throws WeirError unknown_customer; CustomerNeeded. */
  #holdersOf(id: string, named: readonly string[] | undefined): HolderQuestion[] {
    const isGone = named !== undefined && this.#decider.view.terms(id) === null;
    const terms = isGone ? undefined : this.#decider.terms(id);
    const entities = new Set(['', ...(terms?.entities ?? []).map((entity) => entity.id)]);
    return [...new Set([...entities, ...(named ?? [])])].map((entity) => ({
      customer: id,
      entity,
      quotas: terms !== undefined && entities.has(entity) ? this.#quotasOf(id, entity) : [],
    }));
  }

  /** The quotas whose state this holder keeps. */
  #quotasOf(customer: string, entity: string): NamedQuota[] {
    const quotas: NamedQuota[] = [];
    for (const feature of this.#decider.view.features()) {
      if (feature.kind !== 'metered') continue;
      const access = this.#decider.access(customer, feature.id, entity === '' ? undefined : entity);
      access.set.rules.forEach((rule, index) => {
        const place = access.set.places[index];
        if (rule.kind !== 'quota' || place?.slot !== access.entities.length) return;
        quotas.push({ tag: place.tag, feature: feature.id, limit: rule.name, window: rule.window });
      });
    }
    return quotas;
  }

  async #readShard(shard: string, questions: readonly HolderQuestion[]): Promise<CounterReading> {
    const holders = questions.map(({ customer, entity }) =>
      holderKey(shard, entity === '' ? customerHolder(customer) : entityHolder(customer, entity)),
    );
    const keys = [shardStateKey(shard), outboxKey(shard), ...holders];
    if (this.#redis.isCluster) keys.push(absentKey(shard));
    const reply = await this.#script.run(this.#redis, keys, []);
    const { point, states } = readReply(shard, reply);
    const counters = questions.flatMap((question, index) => {
      const state = states[index];
      return countersOf(question, Buffer.isBuffer(state) ? readState(state) : new Map(), point.atMs);
    });
    return { point, counters };
  }
}

function readReply(shard: string, reply: unknown): { point: CounterPoint; states: readonly unknown[] } {
  if (!Array.isArray(reply)) throw new TypeError('read-counters answered another shape');
  const [epoch, clock, id, ...states]: unknown[] = reply;
  if (epoch === undefined) throw new WeirError('uninitialised', `shard ${shard}`);
  const { ms, seq } = parseOutboxId(String(id));
  return { point: { shard, epoch: Number(epoch), outboxMs: ms, outboxSeq: seq, atMs: Number(clock) }, states };
}

interface QuotaState {
  readonly startMs: number;
  readonly used: number;
  readonly before: number;
}

/**
 * The quotas of a holder by tag: lua/include/holder.lua.
 * @throws RangeError where its bytes do not end where that says.
 */
function readState(bytes: Buffer): Map<string, QuotaState> {
  const reader = new ByteReader(bytes, 16);
  const directory = new ByteReader(reader.bytes(reader.u16()));
  const states = new Map<string, QuotaState>();
  while (directory.remaining > 0) {
    const kind = directory.u8() & KIND_BITS;
    const tag = directory.bytes(8).toString('hex');
    if (kind !== LIMIT_KIND_QUOTA) {
      reader.bytes(kind === LIMIT_KIND_BUCKET ? BUCKET_BYTES : CONCURRENCY_BYTES);
      continue;
    }
    const startMs = reader.f64();
    const used = reader.f64();
    reader.f64();
    states.set(tag, { startMs, used, before: reader.f64() });
    reader.bytes(QUOTA_REST_BYTES);
  }
  while (reader.remaining > 0) {
    reader.bytes(OPEN_HOLD_BYTES);
    reader.bytes(reader.u16());
  }
  return states;
}

function countersOf(
  { customer, entity, quotas }: HolderQuestion,
  states: ReadonlyMap<string, QuotaState>,
  atMs: number,
): QuotaCounter[] {
  const byKey = new Map(quotas.map((quota) => [keyOf(quota.tag), quota]));
  const counters: QuotaCounter[] = [];
  for (const [tag, { startMs, used, before }] of states) {
    const key = keyOf(tag);
    const quota = byKey.get(key);
    byKey.delete(key);
    counters.push({
      customer,
      entity,
      key,
      feature: quota?.feature ?? null,
      limit: quota?.limit ?? null,
      windowStartMs: startMs,
      // A state under another definition stands in windows of that one.
      previousStartMs: quota?.tag === tag ? previousStart(quota.window, startMs) : null,
      used,
      before,
    });
  }
  for (const [key, { feature, limit, window }] of byKey) {
    const [, windowStartMs] = boundaries(window, atMs);
    const previousStartMs = previousStart(window, atMs);
    counters.push({ customer, entity, key, feature, limit, windowStartMs, previousStartMs, used: 0, before: 0 });
  }
  return counters;
}

const keyOf = (tag: string): string => tag.slice(0, KEY_DIGITS);

function previousStart(window: ResolvedWindow, atMs: number): number | null {
  const [previousMs, startMs] = boundaries(window, atMs);
  return previousMs < startMs ? previousMs : null;
}
