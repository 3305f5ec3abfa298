/**
 * One set-up at a time: two `npm ci` in one folder destroy each other's work. The lock is a file with the holder's pid
 * and start time, put in place whole by a hard link; a holder that is gone loses it.
 *
 * ingest/supervisor has a lock of its own for WEIR_HOME: it refuses where this one waits, and it can be compiled code.
 */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 200;

/**
 * When a process started, as a text that differs for another process with the same pid; undefined when there is none.
 *
 * @param {number} pid
 * @returns {string | undefined}
 */
export function startTimeOf(pid) {
  try {
    // The name in parentheses may hold spaces: fields are counted after it. Field 22 is the start in clock ticks.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' });
    return started.trim() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} text content of a lock
 * @returns {number | undefined} the pid of a holder that lives
 */
export function livingHolder(text) {
  const [pid = '', started] = text.split('\n');
  return started !== undefined && startTimeOf(Number(pid)) === started ? Number(pid) : undefined;
}

/**
 * Runs the work while holding the lock; waits as long as a living process holds it.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {(pid: number) => void} waiting called once when it has to wait
 * @returns {Promise<T>}
 */
export async function withLock(path, work, waiting) {
  const own = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(own, `${process.pid}\n${startTimeOf(process.pid)}`);
  let told = false;
  try {
    while (!take(own, path)) {
      const text = read(path);
      const holder = text === undefined ? undefined : livingHolder(text);
      if (holder !== undefined) {
        if (!told) waiting(holder);
        told = true;
        await delay(POLL_MS);
      } else if (text !== undefined) discard(path, text);
    }
  } finally {
    rmSync(own, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** @param {string} own @param {string} path */
function take(own, path) {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} path @returns {string | undefined} */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Removes a dead holder's lock. Another process may have done so first and hold a new one by now: then the lock that
 * was moved away is not the one that was read, and goes back.
 *
 * @param {string} path @param {string} text
 */
function discard(path, text) {
  const aside = `${path}.dead.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (read(aside) !== text) take(aside, path);
  rmSync(aside, { force: true });
}
