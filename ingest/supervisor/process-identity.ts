import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process beyond its pid, which the system gives to another one later: pid and start time together are one process.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; compared only for equality. */
  readonly startTime: string;
}

/**
 * When a process started: field 22 of /proc/PID/stat (clock ticks since boot, see proc(5)), elsewhere what `ps` says.
 * Undefined when there is no such process; a zombie counts as none, since it runs no more.
 */
export function startTimeOf(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (process.platform !== 'linux') return startTimeByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses: fields are counted after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startTimeByPs(pid: number): string | undefined {
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' });
    return started.trim() === '' ? undefined : started.trim();
  } catch {
    return undefined;
  }
}

/** The identity of a running process; undefined when it has ended. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** True when this very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}
