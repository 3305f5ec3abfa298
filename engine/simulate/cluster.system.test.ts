import { expect, test } from 'vitest';
import { startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { simulate } from './run.js';

test('several gateways answer as the model says on a cluster whose replicas take over in between', async () => {
  const seed = Date.now() % 1_000_000;
  const cluster = await startRedisCluster();
  try {
    const report = await simulate({ url: cluster.url, seed, steps: 1_000, customers: 100 });
    const about = `npm run simulate -- --seed ${seed} --steps 1000 --customers 100 --cluster`;
    expect(report.mismatches, about).toEqual([]);
    expect(report.facts).toBeGreaterThan(0);
  } finally {
    await cluster.stop();
  }
});
