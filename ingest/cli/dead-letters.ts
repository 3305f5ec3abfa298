import { type ControlClient, type DeadLetterAnswer, type RetriedLetterAnswer, WeirApiError } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, CommandError, EXIT_NO, EXIT_OK, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { groupDigits, json, plainText, rowsTable } from './output.js';

const PAGE_LETTERS = 1_000;
const LETTERS_DEFAULT = 100;
const LETTERS_MAX = 100_000;
const IDS_MAX = 1_000;

export const deadLettersList: Command = {
  name: 'dead-letters list',
  summary: 'what could not be read on its way to the ledger, and why',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: {
    limit: { type: 'text', value: 'N', help: `letters at most; default ${LETTERS_DEFAULT}` },
    json: { type: 'flag', help: 'print JSON' },
  },
  examples: [{ line: 'dead-letters list', what: 'the oldest first, each with its reason and how it begins' }],
  run: list,
};

export const deadLettersRetry: Command = {
  name: 'dead-letters retry',
  summary: 'put dead letters through again: booked once, then removed',
  operands: '[ID …]',
  operandsMin: 0,
  operandsMax: IDS_MAX,
  options: {
    all: { type: 'flag', help: 'all that there are now' },
    json: { type: 'flag', help: 'print JSON' },
  },
  details: [
    'What still cannot be read stays, and the exit code is 1. A letter keeps the identity that it had in the outbox: put through twice it is booked once.',
  ],
  examples: [
    { line: 'dead-letters retry 17', what: 'one, by its id in the list' },
    { line: 'dead-letters retry --all', what: 'after an upgrade that can read them' },
  ],
  run: retry,
};

/** Letters page by page, the oldest first. */
async function* letters(control: ControlClient, max: number): AsyncGenerator<DeadLetterAnswer> {
  let left = max;
  for (let cursor: string | undefined; left > 0; ) {
    const page = await control.listDeadLetters({ limit: Math.min(PAGE_LETTERS, left), cursor });
    yield* page.rows;
    left -= page.rows.length;
    if (page.nextCursor === undefined) return;
    cursor = page.nextCursor;
  }
}

async function list(args: Arguments, io: Io): Promise<number> {
  const limit = args.whole('limit', 1, LETTERS_MAX, LETTERS_DEFAULT);
  const rows: DeadLetterAnswer[] = [];
  for await (const letter of letters(connect(io.env).control, limit)) rows.push(letter);
  if (args.flag('json')) io.out(json(rows));
  else if (rows.length === 0) io.out('There are no dead letters.\n');
  else io.out(rowsTable(['id', 'at', 'origin', 'bytes', 'reason', 'preview'], rows));
  return EXIT_OK;
}

async function retry(args: Arguments, io: Io): Promise<number> {
  if (args.flag('all') === args.operands.length > 0) throw new UsageError('name letters by their ids, or take --all');
  const ids = args.operands.map((text) => {
    if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
    throw new UsageError(`${JSON.stringify(text)} is no id of a dead letter: see "weir dead-letters list"`);
  });
  const { control } = connect(io.env);
  if (args.flag('all')) for await (const { id } of letters(control, LETTERS_MAX)) ids.push(id);
  const outcomes: RetriedLetterAnswer[] = [];
  for (const id of ids) {
    if (io.signal.aborted) throw new CommandError('interrupted');
    const outcome = await retryOne(control, id, args.flag('all'));
    if (outcome === undefined) continue;
    outcomes.push(outcome);
    if (!args.flag('json')) io.out(`${lineOf(outcome)}\n`);
  }
  const kept = outcomes.filter(({ status }) => status !== 'booked').length;
  if (args.flag('json')) io.out(json(outcomes));
  else io.out(`${groupDigits(String(outcomes.length - kept))} booked, ${groupDigits(String(kept))} kept.\n`);
  return kept === 0 ? EXIT_OK : EXIT_NO;
}

/** Undefined for one of all that somebody else has put through meanwhile. */
async function retryOne(control: ControlClient, id: number, isOneOfAll: boolean) {
  try {
    return await control.retryDeadLetter(id);
  } catch (error) {
    if (isOneOfAll && error instanceof WeirApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}

const lineOf = ({ id, status, rows, reason }: RetriedLetterAnswer): string =>
  status === 'booked' ? `${id}: booked, ${rows ?? 0} new rows` : `${id}: kept, ${plainText(reason ?? 'unreadable')}`;
