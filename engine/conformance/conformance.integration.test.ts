import { expect, test } from 'vitest';
import { PATIENT_NODE_TIMEOUT_MS, startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { startRedis } from '../../loadtest/harness/services.js';
import { connectRedis } from '../catalog/redis.js';
import { loadVectors } from '../oracle/vectors.js';
import { assetPath } from '../platform/assets.js';
import { runVectors } from './run.js';

test.each([
  { where: 'a real Redis', start: () => startRedis() },
  { where: 'a real Redis Cluster', start: () => startRedisCluster(PATIENT_NODE_TIMEOUT_MS) },
])('the engine on $where answers every conformance vector', async ({ start }) => {
  const vectors = loadVectors([assetPath('engine/oracle/vectors')]);
  const service = await start();
  const redis = connectRedis(service.url);
  try {
    expect(await runVectors(vectors, redis, service.url)).toEqual([]);
    expect(vectors.length).toBeGreaterThanOrEqual(259);
  } finally {
    redis.disconnect();
    await service.stop();
  }
});
