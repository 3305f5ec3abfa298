import { expect, it } from 'vitest';
import { CLUSTER_SHARDS } from '../../engine/contract/constants.js';
import { customerHolder, holderKey, shardName, shardOf, shardStateKey } from '../../engine/store/keys.js';
import { startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { type System, startSystem } from '../test-support/system.js';

const CUSTOMERS = 60;
const limits = [
  { id: 'monthly', kind: 'quota', amount: 1_000_000, window: { every: 'month' } },
  { id: 'burst', kind: 'bucket', capacity: 100, refill: { amount: 1, everyMs: 86_400_000 } },
];
const ids = Array.from({ length: CUSTOMERS }, (_, index) => `customer-${index}`);
const catalog = {
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'plan', features: { chat: { limits } } }],
  customers: ids.map((id) => ({ id, plan: 'plan' })),
};

const check = (system: System, customer: string) =>
  system.engine.check({ customer, feature: 'chat', amount: 3, dryRun: false });

async function rebuild(system: System): Promise<Record<string, unknown>> {
  await system.call('POST', '/v1/rebuild');
  let state: Record<string, unknown> = {};
  await waitFor(
    async () => {
      state = (await system.call('GET', '/v1/rebuild')).body;
      return state.status !== 'running';
    },
    { timeoutMs: 60_000, what: 'the rebuild to end' },
  );
  return state;
}

const untilDeciding = (system: System, customer: string) =>
  waitFor(
    async () => {
      const { features } = await system.engine.usage(customer);
      return features.chat;
    },
    { timeoutMs: 20_000, what: 'checks to be decided again' },
  );

it('on a cluster one lost shard is rebuilt while the others decide, and a whole cluster by the same steps', async () => {
  const cluster = await startRedisCluster();
  const system = await startSystem(catalog, async () => cluster);
  try {
    await Promise.all([...ids, ...ids].map((id) => check(system, id)));
    expect(await system.call('GET', '/v1/reconcile')).toMatchObject({ body: { rows: [], customers: CUSTOMERS } });

    const shard = shardName(shardOf('customer-5', CLUSTER_SHARDS));
    const ofShard = ids.filter((id) => shardName(shardOf(id, CLUSTER_SHARDS)) === shard);
    const others = ids.filter((id) => !ofShard.includes(id));
    for (const id of ofShard) await system.redis.del(holderKey(shard, customerHolder(id)));
    await system.redis.del(shardStateKey(shard));
    expect(await rebuild(system)).toMatchObject({ status: 'done', shards: [shard], objects: 0 });
    await Promise.all(others.map((id) => check(system, id)));
    const one = await untilDeciding(system, 'customer-5');
    expect(one).toMatchObject({ limits: { monthly: { used: 6 }, burst: { remaining: 94 } } });
    expect(await system.call('GET', '/v1/reconcile')).toMatchObject({ body: { rows: [], customers: CUSTOMERS } });

    await cluster.flush();
    expect(await rebuild(system)).toMatchObject({ status: 'done', objects: 3 + CUSTOMERS, reason: '' });
    for (const id of ids) await untilDeciding(system, id);
    await Promise.all(ids.map((id) => check(system, id)));
    expect(await system.call('GET', '/v1/reconcile')).toMatchObject({ body: { rows: [], customers: CUSTOMERS } });
  } finally {
    await system.stop();
  }
});
