import { type AlertAnswer, type AlertDeliveryAnswer, type ListPage, WeirApiError } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, CommandError, EXIT_NO, EXIT_OK, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { groupDigits, json, plainText, rowsTable } from './output.js';

const PAGE_ROWS = 1_000;
const ROWS_DEFAULT = 100;
const ROWS_MAX = 100_000;
const IDS_MAX = 1_000;

const LIST_OPTIONS = {
  customer: { type: 'text', value: 'ID', help: 'of this customer only' },
  limit: { type: 'text', value: 'N', help: `rows at most; default ${ROWS_DEFAULT}` },
  json: { type: 'flag', help: 'print JSON' },
} as const;

export const alertsList: Command = {
  name: 'alerts list',
  summary: 'thresholds crossed, overage entered and caps reached in the last 30 days, newest first',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: LIST_OPTIONS,
  examples: [{ line: 'alerts list --customer acme', what: 'what was told of one customer' }],
  run: list,
};

export const alertsDeliveries: Command = {
  name: 'alerts deliveries',
  summary: 'alerts on their way to webhooks, Slack and mail, and what became of them',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: {
    target: { type: 'text', value: 'ID', help: 'to this target only' },
    state: { type: 'text', value: 'STATE', help: 'pending, delivered or dead' },
    ...LIST_OPTIONS,
  },
  examples: [{ line: 'alerts deliveries --state dead', what: 'what was given up, and why' }],
  run: deliveries,
};

export const alertsReplay: Command = {
  name: 'alerts replay',
  summary: 'send deliveries again, under the same webhook-id',
  operands: '[ID …]',
  operandsMin: 0,
  operandsMax: IDS_MAX,
  options: {
    dead: { type: 'flag', help: 'all that are dead' },
    target: { type: 'text', value: 'ID', help: 'with --dead: to this target only' },
    json: { type: 'flag', help: 'print JSON' },
  },
  details: ['Each has another day of attempts; one that is under way stays as it is.'],
  examples: [
    { line: 'alerts replay dl_0123456789abcdef0123456789abcdef', what: 'one, by its id in the list' },
    { line: 'alerts replay --dead --target ops', what: 'after a receiver was mended' },
  ],
  run: replay,
};

/** Rows page by page. */
async function* pages<T>(read: (limit: number, cursor: string | undefined) => Promise<ListPage<T>>, max: number) {
  let left = max;
  for (let cursor: string | undefined; left > 0; ) {
    const page = await read(Math.min(PAGE_ROWS, left), cursor);
    yield* page.rows;
    left -= page.rows.length;
    if (page.nextCursor === undefined) return;
    cursor = page.nextCursor;
  }
}

async function list(args: Arguments, io: Io): Promise<number> {
  const { control } = connect(io.env);
  const customer = args.text('customer');
  const rows: AlertAnswer[] = [];
  const max = args.whole('limit', 1, ROWS_MAX, ROWS_DEFAULT);
  for await (const row of pages((limit, cursor) => control.listAlerts({ customer, limit, cursor }), max))
    rows.push(row);
  if (args.flag('json')) io.out(json(rows));
  else if (rows.length === 0) io.out('There are no alerts.\n');
  else {
    const columns = ['at', 'kind', 'customer', 'entity', 'feature', 'limit', 'threshold', 'used', 'included'];
    io.out(rowsTable(columns, rows));
  }
  return EXIT_OK;
}

async function deliveries(args: Arguments, io: Io): Promise<number> {
  const rows: AlertDeliveryAnswer[] = [];
  const filter = { customer: args.text('customer'), target: args.text('target'), state: args.text('state') };
  const max = args.whole('limit', 1, ROWS_MAX, ROWS_DEFAULT);
  for await (const row of listed(io, filter, max)) rows.push(row);
  if (args.flag('json')) io.out(json(rows));
  else if (rows.length === 0) io.out('There are no deliveries.\n');
  else io.out(rowsTable(['id', 'target', 'customer', 'kind', 'state', 'attempts', 'status', 'error', 'nextAt'], rows));
  return EXIT_OK;
}

function listed(
  io: Io,
  filter: { customer?: string | undefined; target?: string | undefined; state?: string | undefined },
  max: number,
) {
  const { control } = connect(io.env);
  return pages((limit, cursor) => control.listAlertDeliveries({ ...filter, limit, cursor }), max);
}

async function replay(args: Arguments, io: Io): Promise<number> {
  if (args.flag('dead') === args.operands.length > 0)
    throw new UsageError('name deliveries by their ids, or take --dead');
  if (args.text('target') !== undefined && !args.flag('dead')) throw new UsageError('--target goes with --dead');
  const ids = [...args.operands];
  if (args.flag('dead')) {
    for await (const { id } of listed(io, { target: args.text('target'), state: 'dead' }, ROWS_MAX)) ids.push(id);
  }
  const { control } = connect(io.env);
  const sent: AlertDeliveryAnswer[] = [];
  for (const id of ids) {
    if (io.signal.aborted) throw new CommandError('interrupted');
    try {
      sent.push(await control.replayAlertDelivery(id));
    } catch (error) {
      if (!(error instanceof WeirApiError) || error.code !== 'not_found') throw error;
      io.err(`${plainText(id)}: there is no such delivery\n`);
    }
  }
  if (args.flag('json')) io.out(json(sent));
  else io.out(`${groupDigits(String(sent.length))} of ${groupDigits(String(ids.length))} are on their way.\n`);
  return sent.length === ids.length ? EXIT_OK : EXIT_NO;
}
