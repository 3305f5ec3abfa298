/** Runs a compiled main module in this process: one process less, and signals reach whoever handles them. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DIST, SetupError } from './paths.mjs';
import { leaveSignals } from './process.mjs';

/**
 * @param {string} main relative to dist/
 * @param {readonly string[]} args
 */
export async function runMain(main, args) {
  const path = join(DIST, main);
  if (!existsSync(path)) throw new SetupError(`${main} is not in this build`);
  leaveSignals();
  process.argv = [process.execPath, path, ...args];
  await import(pathToFileURL(path).href);
}
