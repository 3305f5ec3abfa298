#!/usr/bin/env node
/**
 * Every npm script starts here: `node scripts/run.mjs COMMAND ARGS`. It brings the checkout up to date (packages,
 * Redis, NATS, build), then runs the command. Plain Node without packages, since there may be none yet.
 */
import { runChecks } from './setup/checks.mjs';
import { runMain } from './setup/commands.mjs';
import { SetupError } from './setup/paths.mjs';
import { forwardSignals } from './setup/process.mjs';
import { privateServices, setUp } from './setup/set-up.mjs';

const [command = '', ...args] = process.argv.slice(2);

/** npm runs scripts in the package's folder; paths in arguments are meant from where the user stands. */
function returnToCallersFolder() {
  if (process.env.INIT_CWD !== undefined) process.chdir(process.env.INIT_CWD);
}

/** @type {Readonly<Record<string, () => Promise<void>>>} */
const COMMANDS = {
  async start() {
    await setUp(privateServices(process.env));
    await runMain('ingest/supervisor/main.js', args);
  },
  async test() {
    process.exitCode = await runChecks(() => setUp(['redis', 'nats', 'chromium', 'curl']));
  },
  async conformance() {
    await setUp(['redis']);
    returnToCallersFolder();
    await runMain('engine/conformance/main.js', args);
  },
  async simulate() {
    await setUp(['redis']);
    await runMain('engine/simulate/main.js', args);
  },
  async loadtest() {
    await setUp(['redis', 'nats']);
    returnToCallersFolder();
    await runMain('loadtest/run.js', args);
  },
  async fuzz() {
    await setUp(['redis', 'nats']);
    returnToCallersFolder();
    await runMain('loadtest/fuzz/main.js', args);
  },
  async chaos() {
    await setUp(['redis', 'nats']);
    returnToCallersFolder();
    await runMain('loadtest/chaos/main.js', args);
  },
  async build() {
    await setUp([]);
  },
  async docs() {
    await setUp([]);
    await import('./write-docs.mjs');
  },
};

forwardSignals();
try {
  const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (run === undefined) throw new SetupError(`usage: run.mjs ${Object.keys(COMMANDS).join('|')} [arguments]`);
  await run();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exit(1);
}
