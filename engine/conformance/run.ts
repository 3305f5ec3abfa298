import { parseCatalog } from '../catalog/document.js';
import type { RedisTarget } from '../catalog/redis.js';
import { CatalogRegistry } from '../catalog/registry.js';
import type { Limit } from '../contract/catalog.js';
import { CLUSTER_SHARDS, SINGLE_SHARDS } from '../contract/constants.js';
import type { Decision, LimitState } from '../contract/decision.js';
import { WeirError } from '../contract/errors.js';
import { decodeEntry } from '../contract/fact.js';
import { VOID_CHARGE } from '../contract/void.js';
import { createEngine, type WeirEngine } from '../create.js';
import type { Charge } from '../engine.js';
import { chargeOf } from '../oracle/charge.js';
import { type Answer, compare, type LimitAnswer, type Step, type Vector } from '../oracle/vectors.js';
import type { RedisClient } from '../store/cluster.js';
import { outboxKey, shardName, shardOf } from '../store/keys.js';

/** One vector that failed, and where. */
export interface VectorFailure {
  readonly vector: string;
  /** Counted from 0. */
  readonly step: number;
  readonly operation: string;
  readonly difference: string;
}

const FEATURE = 'feature';
const AUTHOR = { owner: 'conformance', actor: 'conformance' };

/**
 * Runs vectors through the real engine on a Redis of their own, with the clock injected: each under a customer and a
 * plan of its own, limits changed by the registry as any change of the catalog.
 */
export async function runVectors(
  vectors: readonly Vector[],
  redis: RedisClient,
  target: RedisTarget,
  progress: (done: number) => void = () => {},
): Promise<VectorFailure[]> {
  const registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: redis.isCluster ? CLUSTER_SHARDS : SINGLE_SHARDS });
  const outcome = await registry.apply(parseCatalog(JSON.stringify(catalogOf(vectors))), AUTHOR);
  if (outcome.status === 'refused')
    throw new Error(`the vectors' catalog was refused: ${JSON.stringify(outcome.faults.slice(0, 3))}`);
  let clockMs = 0;
  const engine = await createEngine({
    redis: target,
    clockMs: () => clockMs,
    storeTimeoutMs: 10_000,
    storeFateMs: 10_000,
  });
  const failures: VectorFailure[] = [];
  try {
    for (const [number, vector] of vectors.entries()) {
      const failure = await runVector(vector, new Subject(engine, registry, redis, nameOf(number)), (atMs) => {
        clockMs = atMs;
      });
      if (failure !== undefined) failures.push(failure);
      progress(number + 1);
    }
  } finally {
    await engine.close();
  }
  return failures;
}

const nameOf = (number: number): string => `vector-${number}`;

function catalogOf(vectors: readonly Vector[]): object {
  return {
    meters: [{ id: 'meter', eventType: 'usage', aggregation: 'sum', value: '$.amount' }],
    features: [{ id: FEATURE, kind: 'metered', meter: 'meter' }],
    plans: vectors.map((vector, number) => planOf(nameOf(number), vector.limits)),
    customers: vectors.map((_, number) => ({ id: nameOf(number), plan: nameOf(number) })),
  };
}

const planOf = (id: string, limits: readonly Limit[]): object => ({ id, features: { [FEATURE]: { limits } } });

async function runVector(
  vector: Vector,
  subject: Subject,
  setClock: (atMs: number) => void,
): Promise<VectorFailure | undefined> {
  for (const [number, { at, expect, ...step }] of vector.steps.entries()) {
    setClock(Date.parse(vector.start) + at);
    const difference = compare(expect, await subject.apply(step));
    if (difference !== null) return { vector: vector.name, step: number, operation: step.op, difference };
  }
  return undefined;
}

/** One vector's customer: steps in, answers out as the vectors spell them. */
class Subject {
  readonly #engine: WeirEngine;
  readonly #registry: CatalogRegistry;
  readonly #redis: Pick<RedisClient, 'xrangeBuffer'>;
  readonly #customer: string;

  constructor(
    engine: WeirEngine,
    registry: CatalogRegistry,
    redis: Pick<RedisClient, 'xrangeBuffer'>,
    customer: string,
  ) {
    this.#engine = engine;
    this.#registry = registry;
    this.#redis = redis;
    this.#customer = customer;
  }

  async apply(step: Step): Promise<Answer> {
    try {
      return await this.#apply(step);
    } catch (error) {
      if (error instanceof WeirError) return { error: error.code };
      throw error;
    }
  }

  async #apply(step: Step): Promise<Answer> {
    const customer = this.#customer;
    const asked = { customer, feature: FEATURE };
    switch (step.op) {
      case 'setLimits':
        await this.#registry.putObject('plan', customer, planOf(customer, step.limits), AUTHOR);
        return {};
      case 'check':
      case 'peek': {
        const outcome = await this.#engine.check({
          ...asked,
          amount: step.amount,
          id: 'id' in step ? step.id : undefined,
          dryRun: step.op === 'peek',
        });
        return outcome.status === 'failed' ? { error: outcome.code } : admission(outcome.decision);
      }
      case 'record':
        return charged(await this.#engine.recordFeature({ ...asked, amount: step.amount, id: step.id, dryRun: false }));
      case 'reserve': {
        const { decision } = await this.#engine.reserve({
          ...asked,
          amount: step.amount,
          id: step.reservation,
          ttlMs: step.ttlMs,
        });
        return admission(decision);
      }
      case 'commit': {
        const { decision, late, overrun } = await this.#engine.commit({
          customer,
          id: step.reservation,
          amount: step.amount,
        });
        return { ...charged(decision), status: 'committed', late, overrun };
      }
      case 'release': {
        const { decision } = await this.#engine.release({ customer, id: step.reservation });
        return { ...charged(decision), status: 'released' };
      }
      case 'void':
        return await this.#void(step.id);
    }
  }

  /** As the control plane does it, with the outbox for a ledger. */
  async #void(id: string): Promise<Answer> {
    const shard = shardName(shardOf(this.#customer, this.#engine.view.shards));
    const entries = await this.#redis.xrangeBuffer(outboxKey(shard), '-', '+');
    const charges = new Map<string, Charge>();
    const corrected = new Set<string>();
    for (const [entryId, [, entry]] of entries) {
      // Most entries are other vectors'.
      if (entry?.includes(this.#customer) !== true) continue;
      const { facts } = decodeEntry(entry);
      const own = facts.filter((fact) => fact.customer === this.#customer && fact.id === id);
      const records = own.filter(({ kind }) => kind === 'record');
      if (records.length > 0) charges.set(entryId.toString(), chargeOf(records, entryId.toString()));
      for (const { kind, dimensions } of own) if (kind === 'void') corrected.add(dimensions[VOID_CHARGE] ?? '');
    }
    if (charges.size === 0) throw new WeirError('unknown_event');
    let isNew = false;
    for (const [place, charge] of charges) {
      if (!corrected.has(place)) isNew = !(await this.#engine.void(charge)).replayed || isNew;
    }
    return { status: 'voided', replayed: !isNew };
  }
}

/** An answer without `allowed`: to what has happened already. */
function charged(decision: Decision): Answer {
  const { crossed, shadowDeniedBy, replayed } = decision;
  const limits = Object.fromEntries(Object.entries(decision.limits).map(([id, state]) => [id, limitAnswer(state)]));
  return { crossed: [...crossed], shadowDeniedBy: [...shadowDeniedBy], replayed, limits };
}

function admission(decision: Decision): Answer {
  const { allowed, deniedBy, retryAfterMs } = decision;
  return { ...charged(decision), allowed, deniedBy: [...deniedBy], ...(allowed ? {} : { retryAfterMs }) };
}

function limitAnswer(state: LimitState): LimitAnswer {
  if (state.kind !== 'quota') return { remaining: state.remaining };
  const { used, reserved, overage, remaining, headroom, resetAtMs } = state;
  return {
    remaining,
    used,
    reserved,
    overage,
    headroom,
    resetAt: resetAtMs === null ? null : new Date(resetAtMs).toISOString(),
  };
}
