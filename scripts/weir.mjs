#!/usr/bin/env node
/** The command line, `npx weir …`: brings the checkout up to date, which takes no time when it is, and runs the rest. */
import { runMain } from './setup/commands.mjs';
import { SetupError } from './setup/paths.mjs';
import { forwardSignals } from './setup/process.mjs';
import { setUp } from './setup/set-up.mjs';

forwardSignals();
try {
  await setUp([]);
  await runMain('ingest/cli/main.js', process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exit(1);
}
