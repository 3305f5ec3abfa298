import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { packageRoot } from '../../engine/platform/assets.js';
import { findBinary } from '../harness/binaries.js';
import type { Machine } from './report.js';

const GIB = 1024 ** 3;

/** Facts without which the numbers mean nothing. @throws Error where there is no Redis. */
export function machineFacts(): Machine {
  const commit = git('rev-parse', '--short=12', 'HEAD');
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / GIB),
    node: process.versions.node,
    redis: redisVersion(),
    commit,
    // Documents change nothing that is measured, and a report is one of them.
    modified: commit !== null && git('status', '--porcelain', '--', ':!docs') !== '',
  };
}

/** Of the program that stacks and tests start: `Redis server v=7.0.15 sha=…`. */
function redisVersion(): string {
  const said = execFileSync(findBinary('redis-server'), ['--version'], { encoding: 'utf8' });
  return / v=(\S+)/.exec(said)?.[1] ?? 'unknown';
}

function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, {
      cwd: packageRoot(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
