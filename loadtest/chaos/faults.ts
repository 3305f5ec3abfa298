import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { findBinary } from '../harness/binaries.js';
import { dieAt } from '../harness/fail-points.js';
import { waitFor } from '../harness/services.js';
import type { Fault, ProcessName } from './schedule.js';
import type { Target } from './target.js';

/** A supervised process is started again after a pause that grows up to 10 s where it dies often. */
const RESTART_MS_MAX = 30_000;
const FAIL_POINT_MS_MAX = 60_000;
/** Room that a full disk leaves to a file, bytes: less than a frame of the spool. */
const FULL_DISK_BYTES = 64;
const GATEWAYS = ['gateway-0', 'gateway-1'] as const;
/** Passed only when a process starts: it is killed first. */
const AT_THE_START: ReadonlySet<string> = new Set(['relay 1 recovered', 'sink 1 taken over', 'sink 3 looked up']);

/** Does the damage, waits, and repairs it. @returns false for a fail point that nobody came by. */
export async function inflict(target: Target, fault: Fault): Promise<boolean> {
  switch (fault.kind) {
    case 'kill':
      await end(target, fault.what, 'SIGKILL', fault.holdMs);
      return true;
    case 'restart':
      await end(target, fault.what, 'SIGTERM', fault.holdMs);
      return true;
    case 'stop':
      await stopFor(pidOf(target, fault.what), fault.holdMs);
      return true;
    case 'connection': {
      const link = target.links[fault.what];
      link.disturb(fault.disturbance);
      if (fault.disturbance !== 'reset') await delay(fault.holdMs);
      link.restore();
      return true;
    }
    case 'full disk':
      await fillDisk(target, fault.holdMs);
      return true;
    case 'fail point': {
      const name = fault.what.startsWith('relay') ? 'relay' : 'control';
      const dying = dieAt(target.stack.home, fault.what, FAIL_POINT_MS_MAX);
      if (AT_THE_START.has(fault.what)) await end(target, name, 'SIGKILL', 0);
      const pid = await dying;
      if (pid === undefined) return false;
      await untilReplaced(target, name, pid);
      return true;
    }
  }
}

function pidOf(target: Target, name: ProcessName): number {
  return name === 'redis' || name === 'nats' ? target.services[name].pid : target.stack.pidOf(name);
}

/** Ends a process. Ours are started again by the supervisor; Redis and NATS stay away for the time. */
async function end(target: Target, name: ProcessName, signal: 'SIGKILL' | 'SIGTERM', holdMs: number): Promise<void> {
  if (name === 'redis' || name === 'nats') {
    await target.services[name].kill(signal);
    await delay(holdMs);
    await target.services[name].restart();
    return;
  }
  const pid = pidOf(target, name);
  process.kill(pid, signal);
  await untilReplaced(target, name, pid);
}

async function untilReplaced(target: Target, name: ProcessName, pid: number): Promise<void> {
  await waitFor(() => isRunning(pidOf(target, name)) && pidOf(target, name) !== pid, {
    timeoutMs: RESTART_MS_MAX,
    what: `${name} to be started again`,
  });
}

async function stopFor(pid: number, holdMs: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await delay(holdMs);
  process.kill(pid, 'SIGCONT');
}

/** Gateways can write no file further (EFBIG, as `ulimit -f` makes it), while Redis is stopped and they would have to. */
async function fillDisk(target: Target, holdMs: number): Promise<void> {
  const limit = (bytes: string) => {
    for (const name of GATEWAYS) {
      execFileSync(findBinary('prlimit'), ['--pid', String(pidOf(target, name)), `--fsize=${bytes}:unlimited`]);
    }
  };
  limit(String(FULL_DISK_BYTES));
  await stopFor(pidOf(target, 'redis'), holdMs);
  limit('unlimited');
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
