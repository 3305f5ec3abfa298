import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../engine/platform/assets.js';
import type { FailPoint } from '../../engine/platform/fail-point.js';
import { waitFor } from './wait-for.js';

/** NODE_OPTIONS that have a stack's processes obey orders to die; for `StackOptions.env`. */
export function failPointOptions(): string {
  return `--import=${pathToFileURL(join(packageRoot(), 'dist/loadtest/harness/die-at.js')).href}`;
}

/** The file that orders the next process that comes by to die there. */
export const orderPath = (home: string, point: FailPoint): string =>
  join(home, 'run', `die-at-${point.replaceAll(' ', '-')}`);

/** Orders a death. @returns the pid of who died; undefined when nobody came by within the time: then the order is taken back. */
export async function dieAt(home: string, point: FailPoint, timeoutMs: number): Promise<number | undefined> {
  const order = orderPath(home, point);
  writeFileSync(order, '');
  try {
    return await waitFor(() => Number(readFileSync(order, 'utf8')), { timeoutMs, what: `a process at "${point}"` });
  } catch {
    return undefined;
  } finally {
    rmSync(order, { force: true });
  }
}
