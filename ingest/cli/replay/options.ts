import { basename } from 'node:path';
import { isTimezone } from '../../../engine/contract/catalog.js';
import { CHECK_BATCH_MAX, EVENT_BATCH_MAX } from '../../../engine/contract/constants.js';
import { isId } from '../../../engine/contract/ids.js';
import { digestHex } from '../../../engine/platform/digest.js';
import type { Arguments } from '../arguments.js';
import { type OptionSpec, UsageError } from '../command.js';
import type { MappingOptions } from './mapping.js';
import type { RowFormat } from './rows.js';

const CUSTOMERS = 100;
const CUSTOMERS_MAX = 1_000_000;
const ZIPF = 1.1;
/** Two keep the gateway busy; more would only wait there, where waiting past WEIR_STORE_TIMEOUT_MS is an error. */
const CONCURRENCY = 2;
const CONCURRENCY_MAX = 64;
const EVENTS_PER_BATCH = 1_000;
const CHECKS_PER_BATCH = 200;
export const CUSTOMER_PREFIX = 'replay-';

/** The options of `weir replay`, for its help and for reading them. */
export const REPLAY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  to: { type: 'text', value: 'events|check', help: 'usage that has happened (default), or checks that may be denied' },
  type: { type: 'text', value: 'TYPE', help: 'events: their type, by which the meters know them' },
  map: { type: 'text', value: 'NAME=COLUMN', multiple: true, help: 'events: a value; COLUMN may be a sum: A+B' },
  set: {
    type: 'text',
    value: 'NAME=VALUE',
    multiple: true,
    help: 'a fixed value of each event, dimension of each check',
  },
  feature: { type: 'text', value: 'ID', help: 'check: the feature' },
  'amount-column': { type: 'text', value: 'COLUMN', help: 'check: the amount; may be a sum; default 1' },
  time: { type: 'text', value: 'COLUMN', help: 'when it happened; default a column with a name such as timestamp' },
  timezone: { type: 'text', value: 'ZONE', help: 'of times that name none; default UTC' },
  'customer-column': { type: 'text', value: 'COLUMN', help: 'the customer; else customers are drawn' },
  customers: { type: 'text', value: 'N', help: `drawn customers; default ${CUSTOMERS}` },
  zipf: { type: 'text', value: 'X', help: `how unequal they are: rank r has weight 1/r^X; default ${ZIPF}` },
  seed: { type: 'text', value: 'N', help: 'of the draw; default 1' },
  'customer-prefix': { type: 'text', value: 'TEXT', help: `of the drawn customers' ids; default ${CUSTOMER_PREFIX}` },
  'create-customers': { type: 'text', value: 'PLAN', help: 'put customers that are missing on this plan' },
  'entity-column': { type: 'text', value: 'COLUMN', help: 'the team, user or key below the customer' },
  'id-column': { type: 'text', value: 'COLUMN', help: "the row's id; default the file's name and the row's number" },
  'id-prefix': { type: 'text', value: 'TEXT', help: "of the rows' ids, in place of the file's name" },
  format: { type: 'text', value: 'csv|ndjson', help: "default by the file's name" },
  delimiter: { type: 'text', value: 'CHAR', help: 'csv: between cells; default a comma, in .tsv a tab' },
  speed: { type: 'text', value: 'X', help: 'X times as fast as recorded; default as fast as possible' },
  batch: {
    type: 'text',
    value: 'N',
    help: `rows of a request; default ${EVENTS_PER_BATCH} events or ${CHECKS_PER_BATCH} checks`,
  },
  concurrency: { type: 'text', value: 'N', help: `requests at once; default ${CONCURRENCY}` },
  'allow-rejected': { type: 'flag', help: 'exit with 0 even if rows were rejected' },
  json: { type: 'flag', help: 'print the summary as JSON' },
};

export interface ReplayOptions {
  readonly path: string;
  readonly format: RowFormat;
  readonly delimiter: string;
  readonly mapping: Omit<MappingOptions, 'idPrefix'>;
  readonly idPrefix: string | undefined;
  readonly createOnPlan: string | undefined;
  /** Without a word about customers they are replay's own, so that it may make them. */
  readonly ownCustomers: boolean;
  readonly speed: number | undefined;
  readonly batchMax: number;
  readonly concurrency: number;
  readonly allowRejected: boolean;
  readonly json: boolean;
}

/** @throws UsageError */
export function readReplayOptions(args: Arguments): ReplayOptions {
  const path = args.operand(0);
  const to = args.choice('to', ['events', 'check'], 'events');
  refuseOptions(args, to);
  const timezone = args.text('timezone') ?? 'UTC';
  if (!isTimezone(timezone)) throw new UsageError(`--timezone is an IANA name such as Europe/Berlin, not ${timezone}`);
  const prefix = args.text('customer-prefix') ?? CUSTOMER_PREFIX;
  if (!isId(`${prefix}1`)) throw new UsageError('--customer-prefix has characters that no id may have, or is too long');
  const idPrefix = args.text('id-prefix');
  if (idPrefix !== undefined && !isId(`${idPrefix}:1234567890123`)) {
    throw new UsageError('--id-prefix has characters that no id may have, or is too long');
  }
  return {
    path,
    format: formatOf(args, path),
    delimiter: delimiterOf(args, path),
    mapping: {
      to,
      type: args.text('type'),
      time: args.text('time'),
      timezone,
      map: args.pairs('map'),
      set: args.pairs('set'),
      customerColumn: args.text('customer-column'),
      entityColumn: args.text('entity-column'),
      idColumn: args.text('id-column'),
      feature: to === 'check' ? args.required('feature') : undefined,
      amount: args.text('amount-column'),
      draw: {
        customers: args.whole('customers', 1, CUSTOMERS_MAX, CUSTOMERS),
        exponent: args.decimal('zipf', 0, 10) ?? ZIPF,
        seed: args.whole('seed', 0, Number.MAX_SAFE_INTEGER, 1),
      },
      customerPrefix: prefix,
    },
    idPrefix,
    createOnPlan: args.text('create-customers'),
    ownCustomers: !args.has('customer-column') && !args.has('customer-prefix'),
    speed: args.decimal('speed', 0.001, 1_000_000),
    batchMax:
      to === 'events'
        ? args.whole('batch', 1, EVENT_BATCH_MAX, EVENTS_PER_BATCH)
        : args.whole('batch', 1, CHECK_BATCH_MAX, CHECKS_PER_BATCH),
    concurrency: args.whole('concurrency', 1, CONCURRENCY_MAX, CONCURRENCY),
    allowRejected: args.flag('allow-rejected'),
    json: args.flag('json'),
  };
}

function refuseOptions(args: Arguments, to: 'events' | 'check'): void {
  const strange = (to === 'events' ? ['feature', 'amount-column'] : ['type', 'map']).find((name) => args.has(name));
  if (strange !== undefined) throw new UsageError(`--${strange} is not for --to ${to}`);
  const drawn = ['customers', 'zipf', 'seed', 'customer-prefix'].find((name) => args.has(name));
  if (args.has('customer-column') && drawn !== undefined) {
    throw new UsageError(`--${drawn} draws customers, and --customer-column reads them: take one`);
  }
  if (args.has('id-column') && args.has('id-prefix'))
    throw new UsageError('--id-column and --id-prefix exclude each other');
}

const plainName = (path: string): string => path.toLowerCase().replace(/\.gz$/, '');

function formatOf(args: Arguments, path: string): RowFormat {
  if (args.has('format')) return args.choice('format', ['csv', 'ndjson'], 'csv');
  if (/\.(csv|tsv)$/.test(plainName(path))) return 'csv';
  if (/\.(ndjson|jsonl)$/.test(plainName(path))) return 'ndjson';
  throw new UsageError('--format csv or --format ndjson is needed: the name of the file does not say');
}

function delimiterOf(args: Arguments, path: string): string {
  const given = args.text('delimiter');
  if (given === undefined) return plainName(path).endsWith('.tsv') ? '\t' : ',';
  const delimiter = given === '\\t' || given === 'tab' ? '\t' : given;
  if (delimiter.length === 1 && !/["\r\n]/.test(delimiter)) return delimiter;
  throw new UsageError('--delimiter is one character, or tab');
}

/**
 * What makes the rows of one file different from another's: its name, and a digest of how it begins. A log that has
 * grown keeps its ids; another day's log of the same name has others.
 */
export function idPrefixOf(path: string, beginning: string): string {
  const name = path === '-' ? 'stdin' : basename(path).replace(/\.gz$/, '');
  const digest = digestHex(beginning).slice(0, 12);
  return isId(name) && name.length <= 200 ? `${name}:${digest}` : digestHex(`${name}:${digest}`);
}
