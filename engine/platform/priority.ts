import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Logger } from './log.js';

const AUTOGROUP = '/proc/self/autogroup';

/**
 * Lets other processes go first where cores are short. Threads that are started from here on inherit it.
 *
 * Linux weighs a process by its niceness among those of its session only, and sessions as equals (sched(7), the
 * autogroup feature): a process that leads a session, as each that the supervisor starts does, must make its session
 * nice. One that shares its session leaves that alone, since it is not its own.
 *
 * @param niceness 1 to 19, as of nice(1)
 */
export function yieldProcessor(niceness: number, log: Pick<Logger, 'warn'>): void {
  setPriority(niceness);
  try {
    if (leadsSession()) writeFileSync(AUTOGROUP, String(niceness));
  } catch (error) {
    // No autogroups here: then niceness is weighed among all.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    log.warn({ error }, `this process goes before others: ${AUTOGROUP} cannot be written`);
  }
}

/** The sixth field of proc_pid_stat(5); the second, a name in brackets, may have spaces. */
function leadsSession(): boolean {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return Number(fields[3]) === process.pid;
}
