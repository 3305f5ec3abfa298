import { WeirApiError, type WeirClient } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, CommandError, EXIT_NO, EXIT_OK } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { CustomerBook } from './replay/customers.js';
import { checksDestination, eventsDestination } from './replay/destination.js';
import { InputError, openLines } from './replay/lines.js';
import { type Mapping, makeMapping } from './replay/mapping.js';
import { idPrefixOf, REPLAY_OPTIONS, type ReplayOptions, readReplayOptions } from './replay/options.js';
import { defaultPlan, monthStart } from './replay/plan.js';
import { Progress } from './replay/progress.js';
import { type PumpEnd, pump } from './replay/pump.js';
import { openRows, type Row, type RowSource } from './replay/rows.js';
import { summary } from './replay/summary.js';
import { Tally } from './replay/tally.js';

/** A gateway that restarts is back within this many waits (they grow to 2 s each). */
const RETRIES_MAX = 12;

/** `weir replay`: recorded usage through the front door. */
export const replay: Command = {
  name: 'replay',
  summary: 'send a usage log (CSV or NDJSON, any size, .gz welcome) as events, or as checks',
  operands: 'FILE',
  operandsMin: 1,
  operandsMax: 1,
  options: REPLAY_OPTIONS,
  details: [
    [
      'Each row is an event with the time it was recorded at. Its id is made of the file and the number of the row, so the',
      'same file sent again is all duplicates and changes nothing, for as long as Weir remembers ids (24 hours).',
    ].join('\n'),
    [
      'Customers are drawn by a seeded Zipf law unless --customer-column names them. The same seed, numbers and prefix draw',
      'the same customers; others would charge the same rows to somebody else, a second time.',
      'Drawn customers of the default prefix that are missing are put on the plan "free"; any others only by --create-customers.',
    ].join('\n'),
    'A row that cannot be read or is refused is told by its line, and the rest is sent. The exit code is then 1.',
  ],
  examples: [
    { line: 'replay azure-llm-2023-code.csv', what: 'a log whose columns are known: nothing else to say' },
    {
      line: 'replay usage.csv --type api.call --time at --map bytes=Size --customer-column Account --create-customers pro',
      what: 'one of your own',
    },
    {
      line: 'replay log.ndjson.gz --type llm.request --map totalTokens=usage.prompt+usage.completion',
      what: 'JSON, with a sum of two values',
    },
    {
      line: 'replay log.csv --to check --feature chat --amount-column Tokens --speed 60',
      what: 'would the limits have held? an hour in a minute',
    },
  ],
  run: runReplay,
};

async function runReplay(args: Arguments, io: Io): Promise<number> {
  const options = readReplayOptions(args);
  try {
    return await replayFile(options, io);
  } catch (error) {
    if (error instanceof InputError) throw new CommandError(`${options.path} ${error.message}`);
    throw error;
  }
}

async function replayFile(options: ReplayOptions, io: Io): Promise<number> {
  const client = connect(io.env, { retriesMax: RETRIES_MAX });
  const lines = await openLines(options.path, io.stdin);
  const source = await openRows(lines, options.format, options.delimiter);
  const mapping = makeMapping(source.columns, options.format === 'csv', {
    ...options.mapping,
    idPrefix: options.idPrefix ?? idPrefixOf(options.path, source.beginning),
  });
  io.err(`Sending ${mapping.description}\n`);
  if (mapping.timeColumn === undefined && options.mapping.to === 'events') {
    io.err('There is no time column: the usage is charged as of now. Name one by --time.\n');
  }
  await assertReachable(client);
  const rows = source.rows();
  const head = await firstRows(rows);
  const book = await customerBook(options, client, mapping, head, io);
  const destination =
    options.mapping.to === 'events' ? eventsDestination(client, book) : checksDestination(client, book);

  let progress: Progress | undefined;
  const tally = new Tally((line) => (progress === undefined ? io.err(`${line}\n`) : progress.tell(line)));
  progress = new Progress(io, lines, tally);
  let end: PumpEnd;
  let seconds: number;
  try {
    end = await pump(chain(head, rows), mapping, destination, tally, { ...options, signal: io.signal });
  } finally {
    seconds = progress.stop();
  }
  const { status } = end;
  const created = book?.created ?? 0;
  io.out(summary({ file: options.path, to: options.mapping.to, tally, seconds, created, status }, options.json));
  if (tally.rejected.has('unknown_customer') && book === undefined) {
    io.err('Customers that are not in the catalog are put on a plan by --create-customers PLAN.\n');
  }
  if (end.status !== 'done') io.err('Run it again to go on: what was charged is known, and not charged twice.\n');
  if (end.status === 'failed') throw end.error;
  return end.status === 'done' && (tally.rejections === 0 || options.allowRejected) ? EXIT_OK : EXIT_NO;
}

/** A typing error in an address is told at once; only a system that was there is waited for. @throws WeirApiError */
async function assertReachable(client: WeirClient): Promise<void> {
  try {
    await client.ready();
  } catch (error) {
    // Whoever answers is there, also where the key may not ask for readiness.
    if (!(error instanceof WeirApiError) || error.status === 0) throw error;
  }
}

async function firstRows(rows: ReturnType<RowSource['rows']>): Promise<readonly Row[]> {
  const first = await rows.next();
  return first.done === true ? [] : first.value;
}

async function* chain(head: readonly Row[], rest: AsyncIterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  yield head;
  yield* rest;
}

/** Who makes missing customers: nobody, unless asked for, or the customers are replay's own. */
async function customerBook(
  options: ReplayOptions,
  client: WeirClient,
  mapping: Mapping,
  head: readonly Row[],
  io: Io,
): Promise<CustomerBook | undefined> {
  if (options.createOnPlan === undefined && !options.ownCustomers) return undefined;
  const plan = options.createOnPlan ?? (await defaultPlan(client.control));
  if (options.createOnPlan === undefined) {
    const { customers } = options.mapping.draw;
    io.err(
      `Customers are drawn from ${options.mapping.customerPrefix}* (${customers}); missing ones are put on the plan ${plan}\n`,
    );
  }
  return new CustomerBook(client.control, plan, monthStart(firstTimeMs(mapping, head) ?? Date.now()));
}

function firstTimeMs(mapping: Mapping, rows: readonly Row[]): number | undefined {
  for (const row of rows) {
    const item = mapping.map(row);
    if (!('code' in item) && item.atMs !== undefined) return item.atMs;
  }
  return undefined;
}
