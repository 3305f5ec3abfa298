import { expect, it } from 'vitest';
import { CLUSTER_SHARDS } from '../../engine/contract/constants.js';
import { customerHolder, holderKey, shardName, shardOf } from '../../engine/store/keys.js';
import { startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { startSystem } from '../test-support/system.js';

const CUSTOMERS = 60;

it('on a cluster every shard is compared as of a point of its own, and a counter that is gone is found', async () => {
  const limits = [{ id: 'monthly', kind: 'quota', amount: 1_000_000, window: { every: 'month' } }];
  const ids = Array.from({ length: CUSTOMERS }, (_, index) => `customer-${index}`);
  const system = await startSystem(
    {
      meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
      features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
      plans: [{ id: 'plan', features: { chat: { limits } } }],
      customers: ids.map((id) => ({ id, plan: 'plan' })),
    },
    startRedisCluster,
  );
  try {
    const check = (customer: string) => system.engine.check({ customer, feature: 'chat', amount: 3, dryRun: false });
    await Promise.all([...ids, ...ids].map(check));
    // Two windows of each: this month's and the one before.
    expect(await system.call('GET', '/v1/reconcile')).toMatchObject({
      status: 200,
      body: { rows: [], customers: CUSTOMERS, windows: 2 * CUSTOMERS, restarted: 0 },
    });
    const shard = shardName(shardOf('customer-5', CLUSTER_SHARDS));
    expect(await system.redis.del(holderKey(shard, customerHolder('customer-5')))).toBe(1);
    expect(await system.call('GET', '/v1/reconcile')).toMatchObject({
      status: 200,
      body: { rows: [{ customer: 'customer-5', limit: 'monthly', counter: 0, ledger: 6, drift: -6 }] },
    });
  } finally {
    await system.stop();
  }
});
