import { startRedis } from '../../loadtest/harness/services.js';
import { connectRedis } from '../catalog/redis.js';
import { loadVectors } from '../oracle/vectors.js';
import { assetPath } from '../platform/assets.js';
import { runVectors } from './run.js';

/** `npm run conformance -- PATH…`: decision vectors through the real engine; without a path, the ones of this project. */
const paths = process.argv.slice(2);
const vectors = loadVectors(paths.length === 0 ? [assetPath('engine/oracle/vectors')] : paths);
const service = await startRedis();
const redis = connectRedis(service.url);
try {
  const failures = await runVectors(vectors, redis, service.url, (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${vectors.length} vectors `);
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  for (const { vector, step, operation, difference } of failures)
    console.log(`${vector}, step ${step} (${operation}): ${difference}`);
  console.log(`${vectors.length - failures.length} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  redis.disconnect();
  await service.stop();
}
