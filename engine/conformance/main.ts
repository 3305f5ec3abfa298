import { existsSync } from 'node:fs';
import { z } from 'zod';
import { startRedis } from '../../loadtest/harness/services.js';
import { connectRedis } from '../catalog/redis.js';
import { loadVectors } from '../oracle/vectors.js';
import { assetPath } from '../platform/assets.js';
import { runCommandLine } from '../platform/command-line.js';
import { runVectors } from './run.js';

const USAGE = `npm run conformance -- [PATH …]    decision vectors through the real engine

A path is a file of vectors, or a folder of such files; without one, those of this project.
Exit code 1: an answer differs; 2: wrong command line.`;

async function run(paths: readonly string[]): Promise<number> {
  const vectors = loadVectors(paths.length === 0 ? [assetPath('engine/oracle/vectors')] : paths);
  const service = await startRedis();
  const redis = connectRedis(service.url);
  try {
    const failures = await runVectors(vectors, redis, service.url, (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${vectors.length} vectors `);
    });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    for (const { vector, step, operation, difference } of failures) {
      console.log(`${vector}, step ${step} (${operation}): ${difference}`);
    }
    console.log(`${vectors.length - failures.length} passed, ${failures.length} failed`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    redis.disconnect();
    await service.stop();
  }
}

const path = z.string().refine(existsSync, { error: ({ input }) => `${input} is no file or folder` });
const command = { usage: USAGE, options: z.object({}), names: z.array(path) };
await runCommandLine(command, (_, paths) => run(paths));
