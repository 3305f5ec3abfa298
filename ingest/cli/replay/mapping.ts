import type { CheckInput, UsageEvent } from '../../client/index.js';
import { UsageError } from '../command.js';
import { BadValue, Columns, type Read, readId, readOptionalId, shown } from './columns.js';
import { customerName, type Draw, zipfRanks } from './customers.js';
import { findKnownLog, findTimeColumn } from './known-logs.js';
import type { Fields, Row } from './rows.js';
import { type LogTime, parseLogTime } from './time.js';
import { isAmount, setPath, valueOfText } from './values.js';

/** Source of every event that replay sends: with the id it is the event's identity. */
export const REPLAY_SOURCE = 'weir-replay';

/** A name in the data, and a column, a sum of columns, or a fixed value. */
type Pair = readonly [name: string, text: string];

/** What to make of the columns. */
export interface MappingOptions {
  readonly to: 'events' | 'check';
  readonly type: string | undefined;
  readonly time: string | undefined;
  /** Of times that name no zone. */
  readonly timezone: string;
  readonly map: readonly Pair[];
  readonly set: readonly Pair[];
  readonly customerColumn: string | undefined;
  readonly entityColumn: string | undefined;
  readonly idColumn: string | undefined;
  readonly feature: string | undefined;
  readonly amount: string | undefined;
  readonly idPrefix: string;
  readonly draw: Draw;
  readonly customerPrefix: string;
}

/** One row as it is sent. */
export interface Item {
  readonly line: number;
  readonly customer: string;
  /** When it happened; undefined where the log does not say. */
  readonly atMs: number | undefined;
  readonly time: string | undefined;
  readonly event: UsageEvent | undefined;
  readonly check: CheckInput | undefined;
  /** What is added up in the summary. */
  readonly amounts: readonly (readonly [string, unknown])[];
}

/** A row that is not sent. */
export interface BadRow {
  readonly line: number;
  readonly code: 'unreadable_line' | 'invalid_time' | 'invalid_value' | 'invalid_customer' | 'invalid_id';
  readonly message: string;
}

export interface Mapping {
  /** Which column is the time; undefined: the log has none. */
  readonly timeColumn: string | undefined;
  /** Such as `events of type llm.request with contextTokens=ContextTokens`. */
  readonly description: string;
  map(row: Row): Item | BadRow;
}

/** Decides once, by the names of the columns, how each row is read. @throws UsageError for a column that is not there. */
export function makeMapping(names: readonly string[], isCsv: boolean, options: MappingOptions): Mapping {
  const columns = new Columns(names, isCsv);
  const identity = identityReader(columns, options);
  const content = options.to === 'check' ? checkMaker(columns, options) : eventMaker(columns, options, identity.taken);
  return {
    timeColumn: identity.timeColumn,
    description: content.description,
    map(row) {
      const { line, fields } = row;
      if (fields === undefined) return { line, code: 'unreadable_line', message: row.problem ?? 'cannot be read' };
      const who = identity.read(row, fields);
      return 'code' in who ? who : content.make(line, fields, who);
    },
  };
}

/** Who, which, and when. */
interface Identity {
  readonly customer: string;
  readonly entity: string | undefined;
  readonly id: string;
  readonly time: LogTime | undefined;
}

function identityReader(columns: Columns, options: MappingOptions) {
  const timeColumn = columns.named('--time', options.time) ?? findTimeColumn(columns.names);
  const customerColumn = columns.named('--customer-column', options.customerColumn);
  const entityColumn = columns.named('--entity-column', options.entityColumn);
  const idColumn = columns.named('--id-column', options.idColumn);
  const rankOf = zipfRanks(options.draw);
  const read = (row: Row, fields: Fields): Identity | BadRow => {
    const { line } = row;
    const customer =
      customerColumn === undefined
        ? customerName(options.customerPrefix, rankOf(row.row), options.draw.customers)
        : readId(fields, customerColumn);
    if (customer instanceof BadValue) return { line, code: 'invalid_customer', message: customer.message };
    const entity = entityColumn === undefined ? undefined : readOptionalId(fields, entityColumn);
    if (entity instanceof BadValue) return { line, code: 'invalid_id', message: entity.message };
    const id = idColumn === undefined ? `${options.idPrefix}:${row.row}` : readId(fields, idColumn);
    if (id instanceof BadValue) return { line, code: 'invalid_id', message: id.message };
    if (timeColumn === undefined) return { customer, entity, id, time: undefined };
    const written = fields.get(timeColumn);
    const time = parseLogTime(written, options.timezone);
    if (time !== undefined) return { customer, entity, id, time };
    const message = `${timeColumn} is ${shown(written)}, no time such as 2026-11-16 18:17:03.98`;
    return { line, code: 'invalid_time', message };
  };
  return { timeColumn, taken: [timeColumn, customerColumn, entityColumn, idColumn], read };
}

/** Makes what is sent of a row. */
interface Maker {
  readonly description: string;
  make(line: number, fields: Fields, who: Identity): Item | BadRow;
}

function checkMaker(columns: Columns, options: MappingOptions): Maker {
  const { amount: text, feature = '' } = options;
  const read: Read = text === undefined ? () => 1 : columns.expression('--amount-column', text);
  const dimensions = options.set.length === 0 ? undefined : Object.fromEntries(options.set);
  return {
    description: `checks of ${feature} with amount ${text ?? 1}`,
    make(line, fields, { customer, entity, id, time }) {
      const amount = read(fields);
      if (amount instanceof BadValue) return { line, code: 'invalid_value', message: amount.message };
      if (!isAmount(amount)) return { line, code: 'invalid_value', message: `${text} is ${shown(amount)}, no amount` };
      const check: CheckInput = { customer, feature, amount, entity, id, dimensions };
      return {
        line,
        customer,
        atMs: time?.atMs,
        time: time?.text,
        event: undefined,
        check,
        amounts: [['amount', amount]],
      };
    },
  };
}

/** One value of the data. */
interface Value {
  readonly name: string;
  readonly path: readonly string[];
  readonly read: Read;
}

/** @param taken columns that have another part already. */
function eventMaker(columns: Columns, options: MappingOptions, taken: readonly (string | undefined)[]): Maker {
  const known = findKnownLog(columns.names);
  const type = options.type ?? known?.type;
  if (type === undefined)
    throw new UsageError('--type is needed: the type of the events, by which the meters know them');
  const mapped = withKnown(options.map, type === known?.type ? known.values : []);
  const whole = mapped.length === 0;
  const pairs = whole
    ? columns.names.filter((name) => !taken.includes(name)).map((name): Pair => [name, name])
    : mapped;
  const values = pairs.map(([name, text]): Value => {
    return { name, path: whole ? [name] : name.split('.'), read: columns.expression('--map', text) };
  });
  const fixed = options.set.map(([name, text]): Value => {
    const value = valueOfText(text);
    return { name, path: name.split('.'), read: () => value };
  });
  const what = pairs.map(([name, text]) => (name === text ? name : `${name}=${text}`)).join(', ');
  return {
    description: `events of type ${type} with ${what}`,
    make(line, fields, { customer, entity, id, time }) {
      const data: Record<string, unknown> = {};
      const amounts: [string, unknown][] = [];
      const fault = fill(data, fields, values, amounts) ?? fill(data, fields, fixed, undefined);
      if (fault !== undefined) return { line, code: 'invalid_value', message: fault.message };
      const event: UsageEvent = { id, source: REPLAY_SOURCE, type, subject: customer, time: time?.text, entity, data };
      return { line, customer, atMs: time?.atMs, time: time?.text, event, check: undefined, amounts };
    },
  };
}

/** The caller's pairs, and those of a known log for values the caller does not name. */
const withKnown = (pairs: readonly Pair[], known: readonly Pair[]): readonly Pair[] => [
  ...pairs,
  ...known.filter(([name]) => !pairs.some(([mine]) => mine === name)),
];

/** Puts values into the data. @returns what is wrong with one of them. */
function fill(
  data: Record<string, unknown>,
  fields: Fields,
  values: readonly Value[],
  amounts: [string, unknown][] | undefined,
): BadValue | undefined {
  for (const { name, path, read } of values) {
    const value = read(fields);
    if (value instanceof BadValue) return value;
    if (value === undefined || value === null) continue;
    if (!setPath(data, path, value)) return new BadValue(`${name} is given twice, or lies below another value`);
    amounts?.push([name, value]);
  }
  return undefined;
}
