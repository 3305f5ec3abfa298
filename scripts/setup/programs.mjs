/** Programs that are no npm packages: found, or installed by the system's package manager, or asked for. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './paths.mjs';
import { run, runOrFail } from './process.mjs';
import { step } from './progress.mjs';

/**
 * @typedef {object} Program
 * @property {readonly string[]} names of the executable, any will do
 * @property {string} debian package
 * @property {string} brew arguments of `brew install`
 * @property {string} purpose
 */

/** @type {Readonly<Record<'redis' | 'nats' | 'chromium' | 'curl', Program>>} */
export const PROGRAMS = {
  redis: { names: ['redis-server'], debian: 'redis-server', brew: 'redis', purpose: 'keeps the counters' },
  nats: { names: ['nats-server'], debian: 'nats-server', brew: 'nats-server', purpose: 'carries the facts' },
  chromium: {
    names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    debian: 'chromium',
    brew: '--cask chromium',
    purpose: 'runs the browser tests',
  },
  curl: { names: ['curl'], debian: 'curl', brew: 'curl', purpose: 'runs the commands of the documentation' },
};

/** Debian keeps nats-server in /usr/sbin, which is not on everybody's PATH. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin'];
const MAC_CHROMIUM = '/Applications/Chromium.app/Contents/MacOS/Chromium';

/** Redis 7 brought script flags and the append-only file in parts; nothing older is tested. */
const REDIS_MAJOR_MIN = 7;

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} name @returns {string | undefined} */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FURTHER_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** @param {Program} program */
export function isPresent(program) {
  if (program === PROGRAMS.chromium && isExecutable(MAC_CHROMIUM)) return true;
  return program.names.some((name) => findProgram(name) !== undefined);
}

/**
 * How to install what is missing, or undefined when nothing here can.
 *
 * @param {readonly Program[]} missing
 * @param {{ apt: boolean, brew: boolean, root: boolean, sudo: boolean }} host what there is: apt-get, brew, root's rights, sudo without a password
 * @returns {string[][] | undefined} commands, in order
 */
export function installPlan(missing, host) {
  if (host.apt && (host.root || host.sudo)) {
    const rights = host.root ? [] : ['sudo', '-n'];
    const apt = [...rights, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300'];
    const packages = missing.map((program) => program.debian);
    return [
      [...apt, 'update'],
      [...apt, 'install', '-y', '--no-install-recommends', ...packages],
    ];
  }
  if (host.brew) return missing.map((program) => ['brew', 'install', ...program.brew.split(' ')]);
  return undefined;
}

/**
 * What a person can do where nothing can be installed.
 *
 * @param {readonly Program[]} missing
 */
export function manualInstructions(missing) {
  const names = missing.map((program) => `${program.names[0]} (${program.purpose})`).join(' and ');
  const debian = missing.map((program) => program.debian).join(' ');
  const brew = missing.map((program) => `brew install ${program.brew}`).join(' && ');
  const lines = [
    `${names} ${missing.length === 1 ? 'is' : 'are'} not installed, and cannot be installed from here.`,
    `  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y ${debian}`,
    `  macOS:           ${brew}`,
  ];
  if (missing.every((program) => program === PROGRAMS.redis || program === PROGRAMS.nats)) {
    lines.push('  with Docker:     docker compose up      (nothing else to install)');
    lines.push('  running already: set REDIS_URL and NATS_URL');
  }
  return lines.join('\n');
}

/** @param {readonly Program[]} missing @throws {SetupError} */
export async function installPrograms(missing) {
  const root = process.getuid?.() === 0;
  const plan = installPlan(missing, {
    apt: findProgram('apt-get') !== undefined,
    brew: findProgram('brew') !== undefined,
    root,
    sudo: !root && findProgram('sudo') !== undefined && (await run('sudo', ['-n', 'true'])).code === 0,
  });
  if (plan === undefined) throw new SetupError(manualInstructions(missing));
  for (const command of plan) {
    const [program = '', ...args] = command;
    console.error(`Installing ${missing.map(({ names }) => names[0]).join(', ')}: ${command.join(' ')}`);
    await step('  it runs', () => runOrFail(program, args));
  }
  const still = missing.filter((program) => !isPresent(program));
  if (still.length > 0) throw new SetupError(manualInstructions(still));
}

/**
 * @param {string} text of `redis-server --version`
 * @returns {string | undefined} what is wrong with it
 */
export function redisVersionProblem(text) {
  const version = /v=(\d+)(\.\S+)?/.exec(text);
  if (version !== null && Number(version[1]) >= REDIS_MAJOR_MIN) return undefined;
  const shown = version === null ? text.trim() : `Redis ${version[1]}${version[2] ?? ''}`;
  return `Weir needs Redis ${REDIS_MAJOR_MIN} or later; ${findProgram('redis-server')} is ${shown}. Install a later one, or set REDIS_URL.`;
}

/** @throws {SetupError} */
export async function checkRedisVersion() {
  const path = findProgram('redis-server');
  if (path === undefined) return;
  const problem = redisVersionProblem((await run(path, ['--version'])).output);
  if (problem !== undefined) throw new SetupError(problem);
}
