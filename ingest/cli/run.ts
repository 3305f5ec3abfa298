import { z } from 'zod';
import { readAsset } from '../../engine/platform/assets.js';
import { alertsDeliveries, alertsList, alertsReplay } from './alerts.js';
import { parseArguments } from './arguments.js';
import { catalogApply, catalogDiff } from './catalog.js';
import { check } from './check.js';
import { type Command, EXIT_OK, EXIT_USAGE, UsageError } from './command.js';
import { deadLettersList, deadLettersRetry } from './dead-letters.js';
import { doctor } from './doctor.js';
import { explainFailure } from './failure.js';
import { commandHelp, overview } from './help.js';
import type { Io } from './io.js';
import { keysCreate, keysList, keysRevoke } from './keys.js';
import { nearLimits } from './near-limits.js';
import { didYouMean } from './nearest.js';
import { portalLink } from './portal-link.js';
import { rebuild } from './rebuild.js';
import { reconcile } from './reconcile.js';
import { replay } from './replay.js';
import { report } from './report.js';
import { send } from './send.js';
import { signals } from './signals.js';
import { voidEvent } from './void.js';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  check,
  send,
  voidEvent,
  portalLink,
  report,
  nearLimits,
  signals,
  catalogApply,
  catalogDiff,
  keysCreate,
  keysList,
  keysRevoke,
  replay,
  reconcile,
  alertsList,
  alertsDeliveries,
  alertsReplay,
  rebuild,
  deadLettersList,
  deadLettersRetry,
  doctor,
];

/** Runs one command line. @returns the exit code. @throws only what is a fault of ours. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  let command: Command | undefined;
  try {
    const [first = 'help', ...rest] = args;
    if (first === '--version' || first === 'version') {
      io.out(`weir ${version()}\n`);
      return EXIT_OK;
    }
    if (first === 'help' || first === '--help' || first === '-h') return help(rest, io, args.length === 0);
    const found = findCommand(args);
    command = found.command;
    const parsed = parseArguments(command, found.rest);
    if (parsed.flag('help')) {
      io.out(commandHelp(command));
      return EXIT_OK;
    }
    return await command.run(parsed, io);
  } catch (error) {
    const { text, exitCode } = explainFailure(error, command?.name ?? '');
    io.err(text);
    return exitCode;
  }
}

function help(words: readonly string[], io: Io, unasked: boolean): number {
  const name = words.join(' ');
  const group = COMMANDS.filter((command) => command.name === name || command.name.startsWith(`${name} `));
  if (name === '') {
    // Without any word it was no wish for help, so it is no success either.
    (unasked ? io.err : io.out)(overview(COMMANDS));
    return unasked ? EXIT_USAGE : EXIT_OK;
  }
  if (group.length === 0) throw unknownCommand(name);
  io.out(group.map(commandHelp).join('\n'));
  return EXIT_OK;
}

function findCommand(args: readonly string[]): { command: Command; rest: readonly string[] } {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ');
    const command = COMMANDS.find((each) => each.name === name);
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  const [first = '', second] = args;
  const group = COMMANDS.filter((each) => each.name.startsWith(`${first} `));
  if (group.length === 0) throw unknownCommand(first);
  const names = group.map((each) => each.name);
  if (second === undefined || second.startsWith('-')) throw new UsageError(`which one: ${names.join(', ')}?`);
  throw unknownCommand(`${first} ${second}`, names);
}

function unknownCommand(written: string, names = COMMANDS.map((command) => command.name)): UsageError {
  return new UsageError(`there is no command ${JSON.stringify(written)}${didYouMean(written, names)}`);
}

const packageSchema = z.object({ version: z.string() });

const version = (): string => packageSchema.parse(JSON.parse(readAsset('package.json'))).version;
