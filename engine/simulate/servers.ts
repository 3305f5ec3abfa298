import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { CLUSTER_SHARDS, SINGLE_SHARDS } from '../contract/constants.js';
import type { RedisClient } from '../store/cluster.js';

export const shardsOf = (redis: RedisClient): number => (redis.isCluster ? CLUSTER_SHARDS : SINGLE_SHARDS);

/** Runs a task at the single server, or at every master of the cluster. */
export async function atMasters<T>(redis: RedisClient, task: (master: Redis) => Promise<T>): Promise<T[]> {
  if (!(redis instanceof Cluster)) return [await task(redis)];
  return await Promise.all((await masters(redis)).map(task));
}

/** By their own word: what the client knows of roles may be older than the last failover. */
async function masters(cluster: Cluster): Promise<Redis[]> {
  const nodes = cluster.nodes('all');
  const roles = await Promise.all(nodes.map((node) => node.role()));
  return nodes.filter((_, at) => roles[at]?.[0] === 'master');
}

/** How long a replica may take to be there, and to take over. */
const TRIES_MAX = 3_000;
const TRY_PAUSE_MS = 20;
/** Redis gives a failover by order five seconds; without a majority of votes by then it is given up, silently. */
const ORDER_MS_MAX = 6_000;

/** Orders a replica to take over, each time it is asked and the order before was given up; true once it has. */
export function takingOver(replica: Redis, ...how: string[]): () => Promise<boolean> {
  let orderedMs = -Infinity;
  return async () => {
    if ((await replica.role())[0] === 'master') return true;
    if (performance.now() - orderedMs < ORDER_MS_MAX) return false;
    orderedMs = performance.now();
    await replica.call('CLUSTER', 'FAILOVER', ...how);
    return false;
  };
}

/** Lets a replica take over from its master, losing nothing. @param pick chooses one of so many, counted from 0. */
export async function failOver(cluster: Cluster, pick: (count: number) => number): Promise<void> {
  const replica = await eventually('a replica', async () => {
    await refreshSlots(cluster);
    const replicas = cluster.nodes('slave');
    return replicas[pick(replicas.length)];
  });
  const before = await masters(cluster);
  const isMaster = takingOver(replica);
  await eventually('the replica to take over, its master to follow it, and all to know', async () => {
    const isOver = (await isMaster()) && (await masters(cluster)).length === before.length;
    return (isOver && (await agreeOnMaster(cluster.nodes('all'), replica))) || undefined;
  });
  await refreshSlots(cluster);
}

/**
 * True when all nodes know that this one is a master, and take commands. A node that hears of the old master's new role
 * before it hears of the new master calls the cluster down for a second or two: its slots have no master then.
 */
export async function agreeOnMaster(nodes: readonly Redis[], master: Redis): Promise<boolean> {
  const id = String(await master.cluster('MYID'));
  const views = await Promise.all(
    nodes.map(async (node) => ({ info: await node.cluster('INFO'), slots: await node.cluster('SLOTS') })),
  );
  return views.every(
    ({ info, slots }) =>
      String(info).includes('cluster_state:ok') && slots.some(([, , owner]) => String(owner?.[2]) === id),
  );
}

function refreshSlots(cluster: Cluster): Promise<void> {
  return new Promise((resolve, reject) => {
    cluster.refreshSlotsCache((error) => (error ? reject(error) : resolve()));
  });
}

async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let left = TRIES_MAX; left > 0; left--) {
    const found = await ask();
    if (found !== undefined) return found;
    await delay(TRY_PAUSE_MS);
  }
  throw new Error(`waited in vain for ${what}`);
}
