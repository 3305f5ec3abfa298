import { expect, test } from 'vitest';
import { startRedis } from '../../loadtest/harness/services.js';
import { connectRedis } from '../catalog/redis.js';
import { loadVectors } from '../oracle/vectors.js';
import { assetPath } from '../platform/assets.js';
import { runVectors } from './run.js';

test('the engine on a real Redis answers every conformance vector', async () => {
  const vectors = loadVectors([assetPath('engine/oracle/vectors')]);
  const service = await startRedis();
  const redis = connectRedis(service.url);
  try {
    expect(await runVectors(vectors, redis, service.url)).toEqual([]);
    expect(vectors.length).toBeGreaterThanOrEqual(259);
  } finally {
    redis.disconnect();
    await service.stop();
  }
});
