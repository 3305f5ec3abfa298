import type { ControlClient, ReconcileAnswer } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, CommandError, EXIT_NO, EXIT_OK } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { groupDigits, json, rowsTable } from './output.js';
import { barText, ERASE } from './replay/progress.js';
import { CUSTOMER_OPTION } from './report-output.js';

/** A page of customers with a thousand entities each takes longer than other answers. */
const PAGE_MS_MAX = 180_000;
/** Rows that are printed; all are counted. */
const ROWS_MAX = 1_000;
const COLUMNS = ['customer', 'entity', 'feature', 'limit', 'windowStart', 'counter', 'ledger', 'drift'];

/** `weir reconcile`: whether the counters are what the ledger says. */
export const reconcile: Command = {
  name: 'reconcile',
  summary: 'compare the counters with the ledger, as of one point in the stream of facts',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: { ...CUSTOMER_OPTION, json: { type: 'flag', help: 'print JSON' } },
  details: [
    'Compares the window that each quota stands in and the one before, of all customers of the catalog and their entities. It only reads, and checks go on meanwhile. Exit code 1 when a counter differs.',
    'Restarted: limits that were defined anew, whose counters began at 0 then and agree with the ledger since.',
  ],
  examples: [
    { line: 'reconcile', what: 'everybody' },
    { line: 'reconcile --customer acme --json', what: 'one customer, for a program' },
  ],
  run: runReconcile,
};

interface Summary {
  customers: number;
  windows: number;
  restarted: number;
  drift: number;
  readonly rows: Record<string, unknown>[];
}

async function runReconcile(args: Arguments, io: Io): Promise<number> {
  const { control } = connect(io.env, { timeoutMs: PAGE_MS_MAX });
  const summary: Summary = { customers: 0, windows: 0, restarted: 0, drift: 0, rows: [] };
  for await (const page of pages(control, args.text('customer'), io.signal)) {
    summary.customers += page.customers;
    summary.windows += page.windows;
    summary.restarted += page.restarted;
    summary.drift += page.rows.length;
    summary.rows.push(...page.rows.slice(0, ROWS_MAX - summary.rows.length));
    if (io.isErrTerminal) {
      const share = Math.min(1, summary.customers / Math.max(1, page.customersTotal));
      io.err(`${ERASE}${barText(share)}  ${groupDigits(String(summary.customers))} customers, drift ${summary.drift}`);
    }
  }
  if (io.isErrTerminal) io.err(ERASE);
  io.out(args.flag('json') ? json(summary) : summaryText(summary));
  return summary.drift === 0 ? EXIT_OK : EXIT_NO;
}

async function* pages(control: ControlClient, customer: string | undefined, signal: AbortSignal) {
  for (let cursor: string | undefined; ; ) {
    if (signal.aborted) throw new CommandError('interrupted');
    const page: ReconcileAnswer = await control.reconcile({ customer, cursor });
    yield page;
    if (page.nextCursor === undefined) return;
    cursor = page.nextCursor;
  }
}

function summaryText({ customers, windows, restarted, drift, rows }: Summary): string {
  const more = drift > rows.length ? `and ${groupDigits(String(drift - rows.length))} more\n` : '';
  const again = restarted === 0 ? '' : `, ${groupDigits(String(restarted))} restarted`;
  const counts = `${groupDigits(String(customers))} customers, ${groupDigits(String(windows))} windows${again}`;
  return `${rows.length === 0 ? '' : `${rowsTable(COLUMNS, rows)}${more}\n`}Drift ${groupDigits(String(drift))}: ${counts}.\n`;
}
