import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.js';

/** Two starts at once may both find a dead holder; one of them wins, within a few rounds. */
const ATTEMPTS_MAX = 10;

/** Another Weir runs on this WEIR_HOME. */
export class HomeInUseError extends Error {
  constructor(lockFile: string, holder: ProcessIdentity) {
    super(
      `WEIR_HOME is in use by process ${holder.pid} (${lockFile}). Stop it, or set another WEIR_HOME, WEIR_PORT and WEIR_CONSOLE_PORT.`,
    );
    this.name = 'HomeInUseError';
  }
}

/**
 * Takes WEIR_HOME for this process: two on one data folder would destroy each other's files. The lock names pid and
 * start time, so that what a crash left behind is no obstacle, whatever process has the pid by then. It is put in
 * place whole by a hard link, so that nobody reads half a lock.
 *
 * @returns a function that gives the lock back
 * @throws HomeInUseError
 */
export function lockHome(lockFile: string): () => void {
  const own = identityOf(process.pid);
  if (own === undefined) throw new Error('cannot find the start time of this process');
  const candidate = `${lockFile}.${own.pid}`;
  writeFileSync(candidate, JSON.stringify(own));
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (tryLink(candidate, lockFile)) return () => rmSync(lockFile, { force: true });
      const text = readText(lockFile);
      if (text === undefined) continue;
      const holder = parseIdentity(text);
      if (holder !== undefined && isRunning(holder)) throw new HomeInUseError(lockFile, holder);
      discard(lockFile, text);
    }
    throw new Error(`cannot take ${lockFile}: other processes keep taking it`);
  } finally {
    rmSync(candidate, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a dead holder's lock; when it was another's new one, it goes back. */
function discard(lockFile: string, text: string): void {
  const aside = `${lockFile}.dead.${process.pid}`;
  try {
    renameSync(lockFile, aside);
  } catch {
    return;
  }
  if (readText(aside) !== text) tryLink(aside, lockFile);
  rmSync(aside, { force: true });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What a lock or a process list says of a process; undefined for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    return asIdentity(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function asIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTime' in value)) return undefined;
  const { pid, startTime } = value;
  return typeof pid === 'number' && typeof startTime === 'string' ? { pid, startTime } : undefined;
}
