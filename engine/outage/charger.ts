import type { CatalogLog } from '../catalog/cache.js';
import { WeirError } from '../contract/errors.js';
import type { Decider } from '../decide.js';
import { operationId } from '../ids.js';
import type { Access, Resolver } from '../limits/resolve.js';
import { operationOf } from '../operations.js';
import { type RedisClient, serverOf } from '../store/cluster.js';
import { encodeCall, encodeHeader } from '../store/codec.js';
import {
  absentKey,
  fateKey,
  holderKey,
  outboxKey,
  retentionKey,
  shardName,
  shardOf,
  shardStateKey,
} from '../store/keys.js';
import type { Operation } from '../store/operation.js';
import { Script } from '../store/scripts.js';
import type { Frame, SpooledOperation } from './spool-format.js';
import { type CallFate, readSpoolReply } from './spool-reply.js';

/** Calls of one frame that only bring a window, or a catalog, up to date. */
const ATTEMPTS_MAX = 1_000;
const SPOOL_SLOT = 0;
/** How long the fate of a spool that is charged is kept: longer than any process may be stopped in the middle of it. */
const FATE_KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

export interface ChargerOptions {
  readonly redis: RedisClient;
  readonly decider: Decider;
  readonly shards: number;
  readonly clockMs: () => number;
  readonly log: CatalogLog | undefined;
}

/**
 * Charges what was admitted while Redis was away: `record`s, exactly once, whichever gateway dies when. The steps for
 * each frame, and what is left behind when the process dies, or one fails:
 *
 *  1 read     the frame, up to the torn tail
 *  2 resolve  by the catalog in force; a feature that the customer lost since is charged to no limit, but is a fact
 *             → fails: nothing was charged; tried again
 *  3 charge   one call for each shard, under the spool's id and twice the frame's sequence; whole or not at all
 *             → the reply is lost, or the process dies: called again under the same sequence. It was charged: the shard
 *               repeats the reply, or says that it has a later one. It was not: it is charged now
 *  4 again    what its id kept from being charged (used before with another body), without it, under the next sequence
 *             → as 3; 3 is called first, and says what was refused
 *  and, when all frames are charged,
 *  5 forget   the file, and the folder synced
 *             → dies before: from 1, and 3 charges nothing
 *  6 expire   the shard's memory of the spool, which until here had no end
 *             → dies before: one small key stays for good
 *
 * A gateway that is stopped in the middle and goes on beside the one that took its spool does no harm: both name the same
 * sequences, and a shard never goes back to an earlier one.
 */
export class SpoolCharger {
  readonly #options: ChargerOptions;
  readonly #script = new Script('commit');
  readonly counters = { charged: 0, calls: 0, known: 0, withoutId: 0 };

  constructor(options: ChargerOptions) {
    this.#options = options;
  }

  /** Steps 2 to 4. @returns operations that cannot be charged: a counter would leave its range. @throws as `reached`. */
  async charge(spool: string, frame: Frame): Promise<SpooledOperation[]> {
    const impossible: SpooledOperation[] = [];
    for (const [shard, operations] of this.#byShard(frame.operations)) {
      const sequence = 2 * frame.sequence;
      const first = await this.#call(spool, shard, sequence, operations);
      if (first === 'superseded') continue;
      const again: SpooledOperation[] = [];
      operations.forEach((operation, index) => {
        const fate = first[index];
        if (fate === 'id_conflict' || fate === 'time_in_future') again.push(withoutIdAndTime(operation, fate));
        else if (fate === 'amount_out_of_range') impossible.push(operation);
      });
      this.#count(first);
      if (again.length === 0) continue;
      const second = await this.#call(spool, shard, sequence + 1, again);
      if (second === 'superseded') continue;
      this.counters.withoutId += again.length;
      this.#count(second);
      again.forEach((operation, index) => {
        if (second[index] === 'amount_out_of_range') impossible.push(operation);
      });
    }
    return impossible;
  }

  /** Step 6. */
  async expire(spool: string): Promise<void> {
    const { redis, shards } = this.#options;
    for (let index = 0; index < shards; index++) {
      await redis.pexpire(fateKey(shardName(index), spool, SPOOL_SLOT), FATE_KEPT_MS);
    }
  }

  async #call(
    spool: string,
    shard: string,
    sequence: number,
    spooled: readonly SpooledOperation[],
  ): Promise<readonly CallFate[] | 'superseded'> {
    const { decider, redis, clockMs } = this.#options;
    for (let left = ATTEMPTS_MAX; left > 0; left--) {
      await decider.loadAll(spooled, { customerOf: ({ customer }) => customer });
      const nowMs = clockMs() || (await timeOf(redis, shard));
      // From here to the call everything is of one version: the view changes between turns of the event loop only.
      const { version } = decider.view;
      const operations = spooled.map((each) => this.#operationOf(each, nowMs));
      const { holders, sets, descriptors, operations: encoded } = encodeCall([{ operations, atomic: false }]);
      const keys = [shardStateKey(shard), outboxKey(shard), fateKey(shard, spool, SPOOL_SLOT), retentionKey(shard)];
      for (const holder of holders) keys.push(holderKey(shard, holder));
      if (redis.isCluster) keys.push(absentKey(shard));
      const header = encodeHeader(sequence, version, clockMs(), true, operations.length, { spooled: true });
      this.counters.calls++;
      const reply = readSpoolReply(
        await this.#script.run(redis, keys, [header, sets, descriptors, encoded, `{${shard}}:`]),
      );
      switch (reply.status) {
        case 'charged':
          return reply.fates;
        case 'superseded':
          return 'superseded';
        case 'stale':
          await decider.isInForce(version);
          break;
        case 'needs_window': {
          const operation = operations[reply.index];
          if (operation !== undefined) decider.rebuild(operation, reply, nowMs);
          break;
        }
        case 'uninitialised':
        case 'id_memory_full':
          throw new Error(`the shard ${shard} takes no spool: ${reply.status}`);
      }
    }
    throw new Error(`a frame for ${shard} found no window or catalog in ${ATTEMPTS_MAX} attempts`);
  }

  /** @param nowMs Redis's: what this gateway's clock puts ahead of it happened now. */
  #operationOf(spooled: SpooledOperation, nowMs: number): Operation {
    const { decider } = this.#options;
    const { customer, feature, meter, entity, id, amount, admittedAtMs, dimensions } = spooled;
    const access = accessOf(decider.resolver, spooled, nowMs);
    const isCharged = access.entitled && access.meter !== undefined;
    const set = isCharged ? access.set : decider.resolver.withoutLimits(feature, meter);
    const entities = isCharged ? access.entities : [];
    const known =
      id === undefined ? undefined : operationId(customer, id, { operation: 'check', feature, entity, amount });
    const head = { customer, entity, source: 'check', id, dimensions };
    const operation = operationOf('record', { ...access, set, entities }, amount, known, head);
    return { ...operation, happenedAtMs: admittedAtMs < nowMs ? admittedAtMs : 0 };
  }

  #byShard(operations: readonly SpooledOperation[]): Map<string, SpooledOperation[]> {
    const found = new Map<string, SpooledOperation[]>();
    for (const operation of operations) {
      const shard = shardName(shardOf(operation.customer, this.#options.shards));
      const sharing = found.get(shard);
      if (sharing === undefined) found.set(shard, [operation]);
      else sharing.push(operation);
    }
    return found;
  }

  #count(fates: readonly CallFate[]): void {
    for (const fate of fates) {
      if (fate === 'charged') this.counters.charged++;
      else if (fate === 'known') this.counters.known++;
    }
  }
}

/**
 * By the windows at Redis's time, whatever this gateway's clock says. An entity that was removed since has no limits;
 * those of the customer are charged, and the fact names both.
 */
function accessOf(resolver: Resolver, { customer, feature, entity }: SpooledOperation, nowMs: number): Access {
  let access: Access | undefined;
  try {
    access = resolver.access(customer, feature, nowMs, entity);
  } catch (error) {
    if (!(error instanceof WeirError && error.code === 'unknown_entity')) throw error;
    access = resolver.access(customer, feature, nowMs);
  }
  if (access === undefined) throw new WeirError('overloaded', `"${customer}" left the cache of customers at once`);
  return access;
}

/** The answer is out, so the usage is a fact, whatever its id was used for before. */
function withoutIdAndTime(operation: SpooledOperation, fate: CallFate): SpooledOperation {
  if (fate === 'time_in_future') return { ...operation, admittedAtMs: Number.MAX_SAFE_INTEGER };
  const { id: _, ...rest } = operation;
  return rest;
}

async function timeOf(redis: RedisClient, shard: string): Promise<number> {
  const server = await serverOf(redis, shardStateKey(shard));
  const [seconds, microseconds] = await server.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}
