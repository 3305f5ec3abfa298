/** Brings a checkout, bare or not, to where a command can run; does nothing, quickly, when it is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCode, buildConsole, codeIsCurrent, consoleIsCurrent } from './build.mjs';
import { withLock } from './lock.mjs';
import { checkNodeVersion } from './node-version.mjs';
import { embeddedClickhouseIsMissing, installPackages, packagesAreCurrent } from './packages.mjs';
import { DIST } from './paths.mjs';
import { checkRedisVersion, installPrograms, isPresent, PROGRAMS } from './programs.mjs';
import { step } from './progress.mjs';

/** @typedef {'redis' | 'nats' | 'chromium' | 'curl'} ProgramName */

/** @param {readonly ProgramName[]} needed */
const missingPrograms = (needed) => needed.map((name) => PROGRAMS[name]).filter((program) => !isPresent(program));

/**
 * @param {readonly ProgramName[]} needed
 * @throws {import('./paths.mjs').SetupError} with what to do
 */
export async function setUp(needed) {
  checkNodeVersion();
  const isDone = () =>
    packagesAreCurrent() && missingPrograms(needed).length === 0 && codeIsCurrent() && consoleIsCurrent();
  if (!isDone()) {
    // Whoever waited finds the work done, and does none.
    await withLock(
      join(DIST, '.setup.lock'),
      () => setUpLocked(needed),
      (pid) => console.error(`Another set-up runs (process ${pid}): waiting for it.`),
    );
  }
  if (needed.includes('redis')) await checkRedisVersion();
}

/** @param {readonly ProgramName[]} needed */
async function setUpLocked(needed) {
  if (!packagesAreCurrent()) {
    await step('Installing packages (npm ci; about 700 MB, most of it the embedded ClickHouse)', installPackages);
    if (embeddedClickhouseIsMissing()) {
      console.error('The embedded ClickHouse (chdb) has no build for this machine: set CLICKHOUSE_URL for reports.');
    }
  }
  const missing = missingPrograms(needed);
  if (missing.length > 0) await installPrograms(missing);
  if (!codeIsCurrent()) await step('Compiling', buildCode);
  if (!consoleIsCurrent()) await step('Building the console', buildConsole);
}

/**
 * Services that the user does not bring: those need a program. The settings file is only searched for the names here,
 * since its parser may not be installed yet; the supervisor reads it properly.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {ProgramName[]}
 */
export function privateServices(env) {
  const path = 'weir.config.yaml';
  const file = existsSync(path) ? readFileSync(path, 'utf8') : '';
  /** @type {ProgramName[]} */
  const needed = [];
  if (!env.REDIS_URL && !/^(REDIS_URL|redisUrl):/m.test(file)) needed.push('redis');
  if (!env.NATS_URL && !/^(NATS_URL|natsUrl):/m.test(file)) needed.push('nats');
  return needed;
}
