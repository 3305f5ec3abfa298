/** Child processes of a set-up, and what becomes of them when the set-up is told to stop. */
import { spawn } from 'node:child_process';
import { SetupError } from './paths.mjs';

/** Lines of a failed program's output that are shown: the cause stands at its start or its end. */
const HEAD_LINES_MAX = 15;
const TAIL_LINES_MAX = 30;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** @param {NodeJS.Signals} signal */
const passOn = (signal) => {
  for (const child of running) child.kill(signal);
  // A child that was told to stop makes its step fail, which ends the set-up; without a child there is nothing to wait for.
  if (running.size === 0) process.exit(signal === 'SIGINT' ? 130 : 143);
};

/** From here on SIGINT and SIGTERM stop the running child and then the set-up. */
export function forwardSignals() {
  process.on('SIGINT', passOn);
  process.on('SIGTERM', passOn);
}

/** For a command that runs in this process and handles signals itself. */
export function leaveSignals() {
  process.off('SIGINT', passOn);
  process.off('SIGTERM', passOn);
}

/**
 * @typedef {object} Ended
 * @property {number} code exit code; 128 or more after a signal
 * @property {string} output stdout and stderr, '' when they went to the terminal
 *
 * @typedef {object} Options
 * @property {boolean} [show] let the output through to the terminal
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cwd]
 */

/**
 * Runs a program to its end. Resolves whatever its exit code is.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Options} [options]
 * @returns {Promise<Ended>}
 */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const stdio = options.show === true ? 'inherit' : 'pipe';
    const child = spawn(program, [...args], { cwd: options.cwd, env: options.env ?? process.env, stdio });
    child.stdin?.end();
    running.add(child);
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      output += chunk;
    });
    child.once('error', (error) => {
      running.delete(child);
      reject(new SetupError(`${program} cannot be run: ${error.message}`));
    });
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 130, output });
    });
  });
}

/**
 * Runs a program that must succeed.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Options} [options]
 * @returns {Promise<string>} its output
 * @throws {SetupError} with the start and the end of its output
 */
export async function runOrFail(program, args, options = {}) {
  const { code, output } = await run(program, args, options);
  if (code === 0) return output;
  const lines = output.trimEnd().split('\n');
  if (lines.length > HEAD_LINES_MAX + TAIL_LINES_MAX) {
    lines.splice(HEAD_LINES_MAX, lines.length - HEAD_LINES_MAX - TAIL_LINES_MAX, '…');
  }
  throw new SetupError(`"${[program, ...args].join(' ')}" failed with exit code ${code}\n${lines.join('\n')}`);
}
