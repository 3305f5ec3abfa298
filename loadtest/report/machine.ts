import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { packageRoot } from '../../engine/platform/assets.js';
import type { Machine } from './report.js';

const GIB = 1024 ** 3;

/** Facts without which the numbers mean nothing. @param redis its version. */
export function machineFacts(redis: string): Machine {
  const commit = git('rev-parse', '--short=12', 'HEAD');
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / GIB),
    node: process.versions.node,
    redis,
    commit,
    modified: commit !== null && git('status', '--porcelain') !== '',
  };
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
