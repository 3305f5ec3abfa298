import { randomBytes } from 'node:crypto';
import { CALLS_IN_FLIGHT_MAX } from '../../engine/contract/constants.js';
import { type CatalogView, connectRedis, openCatalogView, type RedisClient } from '../../engine/index.js';
import { Resolver } from '../../engine/limits/resolve.js';
import { operationOf } from '../../engine/operations.js';
import { decodeReply, type EncodedCall, encodeCall, encodeHeader } from '../../engine/store/codec.js';
import { fateKey, holderKey, outboxKey, retentionKey, shardStateKey } from '../../engine/store/keys.js';
import type { Operation } from '../../engine/store/operation.js';
import { Script } from '../../engine/store/scripts.js';
import { LOAD_FEATURE } from '../scenarios/catalog.js';
import { LatencyHistogram } from '../scenarios/histogram.js';
import type { Measured } from '../scenarios/job.js';
import { BATCH_CHECKS, batchAt, batchCount } from '../scenarios/requests.js';
import { serveRole } from '../scenarios/role-child.js';
import { type ScriptJob, scriptJobSchema } from './script-job.js';

/**
 * The ceiling of a batch: the commit function called flat out, on the same Redis, with the bytes that the gateway
 * would send for the same checks, encoded beforehand.
 *
 * This is the one place where the load test reaches into the engine (the store's codec, keys and script), which it
 * otherwise knows by the wire alone: a ceiling must call the very function that a gateway calls, or it measures another.
 */

/** A shard that no relay reads: what is charged here never reaches the books. */
const SHARD = 'loadtest';
/** Any: the fence only compares it with the version that is sent along. */
const VERSION = 1;

interface Batch {
  readonly encoded: EncodedCall;
  readonly checks: number;
  /** Of each slot, since the key of the last reply differs. */
  readonly keys: readonly (readonly string[])[];
}

/** Two calls in flight, each in a slot of its own, as a gateway's lane has them. */
export async function callFlatOut({ redisUrl, customers, seconds }: ScriptJob): Promise<Measured> {
  const redis = connectRedis(redisUrl, { connectionName: 'weir-loadtest' });
  const gateway = randomBytes(9).toString('base64url');
  const batches = await encodeBatches(redisUrl, customers, gateway);
  const script = new Script('commit');
  const histogram = new LatencyHistogram();
  let sequence = 0;
  let next = 0;
  let checks = 0;
  await openShard(redis);
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1_000;
  const drive = async (slot: number): Promise<void> => {
    for (let sentMs = startedMs; sentMs < endMs; ) {
      const batch = batches[next++ % batches.length];
      if (batch === undefined) throw new Error('no batch to send');
      const { sets, descriptors, operations } = batch.encoded;
      const header = encodeHeader(++sequence, VERSION, 0, false, batch.checks);
      const args = [header, sets, descriptors, operations, `{${SHARD}}:`];
      const reply = await script.run(redis, batch.keys[slot] ?? [], args);
      if (!Buffer.isBuffer(reply) || decodeReply(reply).status !== 'decided') throw new Error('a call was not decided');
      const nowMs = performance.now();
      histogram.add(nowMs - sentMs);
      sentMs = nowMs;
      checks += batch.checks;
    }
  };
  await Promise.all(Array.from({ length: CALLS_IN_FLIGHT_MAX }, (_, slot) => drive(slot)));
  const measured = {
    seconds: (performance.now() - startedMs) / 1_000,
    requests: sequence,
    decisions: checks,
    p50Ms: histogram.quantile(0.5),
    p99Ms: histogram.quantile(0.99),
    maxMs: histogram.maxMs,
  };
  await closeShard(redis, batches);
  redis.disconnect();
  return measured;
}

/** The same checks as in the requests of `batch`, resolved by the same catalog. */
async function encodeBatches(redisUrl: string, customers: readonly string[], gateway: string): Promise<Batch[]> {
  const view = await openCatalogView({ redis: redisUrl });
  try {
    for (const customer of customers) await view.loadCustomer(customer);
    const resolver = new Resolver(view);
    return Array.from({ length: batchCount(customers.length) }, (_, batch) => {
      const operations = batchAt(customers, batch, BATCH_CHECKS).map(({ customer, amount }) =>
        checkOf(view, resolver, customer, amount),
      );
      // In a batch over HTTP each check is a submission of its own.
      const encoded = encodeCall(operations.map((operation) => ({ operations: [operation], atomic: false })));
      const holders = encoded.holders.map((holder) => holderKey(SHARD, holder));
      const keys = Array.from({ length: CALLS_IN_FLIGHT_MAX }, (_, slot) => [
        shardStateKey(SHARD),
        outboxKey(SHARD),
        fateKey(SHARD, gateway, slot),
        retentionKey(SHARD),
        ...holders,
      ]);
      return { encoded, checks: operations.length, keys };
    });
  } finally {
    await view.close();
  }
}

function checkOf(view: CatalogView, resolver: Resolver, customer: string, amount: number): Operation {
  const access = resolver.access(customer, LOAD_FEATURE, Date.now());
  if (access === undefined) throw new Error(`${customer} is not in the catalog, version ${view.version}`);
  return operationOf('check', access, amount, undefined, { customer, source: 'check' });
}

/** '<dd' epoch and catalog version in force (lua/commit.lua). */
async function openShard(redis: RedisClient): Promise<void> {
  const state = Buffer.alloc(16);
  state.writeDoubleLE(Date.now(), 0);
  state.writeDoubleLE(VERSION, 8);
  await redis.set(shardStateKey(SHARD), state);
}

async function closeShard(redis: RedisClient, batches: readonly Batch[]): Promise<void> {
  const keys = new Set(batches.flatMap((batch) => batch.keys.flat()));
  await redis.unlink(...keys);
}

/** The baseline as a process of its own. */
export function runScriptBaseline(): void {
  serveRole(scriptJobSchema, callFlatOut);
}
