import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../engine/platform/log.js';
import { isRunning, type ProcessIdentity } from './process-identity.js';
import type { ProcessList } from './process-list.js';

const TERM_MS_MAX = 10_000;
const KILL_MS_MAX = 5_000;
const POLL_MS = 20;

/**
 * Ends what an earlier run left behind, last started first: our processes write to the services they were started
 * after. A process with the same pid but another start time is a stranger's, and left alone.
 *
 * @throws Error for an orphan that does not end: its files cannot be used.
 */
export async function stopOrphans(list: ProcessList, log: Logger): Promise<void> {
  for (const [name, identity] of list.entries().reverse()) {
    if (isRunning(identity)) {
      log.warn({ name, pid: identity.pid }, 'stopping a process that an earlier run left behind');
      if (!(await end(identity))) throw new Error(`${name} of an earlier run (process ${identity.pid}) does not end`);
    }
    list.remove(name);
  }
}

async function end(identity: ProcessIdentity): Promise<boolean> {
  send(identity, 'SIGCONT');
  send(identity, 'SIGTERM');
  if (await ended(identity, TERM_MS_MAX)) return true;
  send(identity, 'SIGKILL');
  return ended(identity, KILL_MS_MAX);
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    process.kill(identity.pid, signal);
  } catch {
    // It ended in this moment.
  }
}

async function ended(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const start = performance.now();
  while (isRunning(identity)) {
    if (performance.now() - start > withinMs) return false;
    await delay(POLL_MS);
  }
  return true;
}
