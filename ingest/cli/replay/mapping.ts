import { isId } from '../../../engine/contract/ids.js';
import type { CheckInput, UsageEvent } from '../../client/index.js';
import { UsageError } from '../command.js';
import { didYouMean } from '../nearest.js';
import { customerName, type Draw, zipfRanks } from './customers.js';
import { findKnownLog, findTimeColumn } from './known-logs.js';
import type { Fields, Row } from './rows.js';
import { parseLogTime } from './time.js';
import { DecimalSum, isAmount, setPath, valueOfText } from './values.js';

/** Source of every event that replay sends: with the id it is the event's identity. */
export const REPLAY_SOURCE = 'weir-replay';

/** What to make of the columns. */
export interface MappingOptions {
  readonly to: 'events' | 'check';
  readonly type: string | undefined;
  readonly time: string | undefined;
  /** Of times that name no zone. */
  readonly timezone: string;
  /** Path in the data, and a column or several joined by `+`. */
  readonly map: readonly (readonly [string, string])[];
  /** Path in the data, and a fixed value. */
  readonly set: readonly (readonly [string, string])[];
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
  /** Such as `llm.request with contextTokens=ContextTokens`. */
  readonly description: string;
  map(row: Row): Item | BadRow;
}

interface Value {
  readonly name: string;
  readonly path: readonly string[];
  /** A value, undefined for none, or a BadValue. */
  read(fields: Fields): unknown;
}

class BadValue {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Decides once, by the names of the columns, how each row is read. @throws UsageError for a column that is not there. */
export function makeMapping(columns: readonly string[], isCsv: boolean, options: MappingOptions): Mapping {
  const known = options.to === 'events' ? findKnownLog(columns) : undefined;
  const type = options.type ?? known?.type;
  if (options.to === 'events' && type === undefined) {
    throw new UsageError('--type is needed: the type of the events, by which the meters know them');
  }
  const column = (option: string, name: string | undefined): string | undefined => {
    // A line of JSON may lack what others have, so only a header can be held to it.
    if (name !== undefined && isCsv && !columns.includes(name)) {
      const hint = didYouMean(name, columns);
      throw new UsageError(
        `${option} names the column ${JSON.stringify(name)}${hint}; the file has ${columns.join(', ')}`,
      );
    }
    return name;
  };
  const timeColumn = column('--time', options.time) ?? findTimeColumn(columns);
  const customerColumn = column('--customer-column', options.customerColumn);
  const entityColumn = column('--entity-column', options.entityColumn);
  const idColumn = column('--id-column', options.idColumn);
  const taken = new Set([timeColumn, customerColumn, entityColumn, idColumn]);

  const expression = (option: string, text: string): Value['read'] => {
    const names = columns.includes(text) ? [text] : text.split('+').map((name) => name.trim());
    for (const name of names) column(option, name);
    const [only, ...more] = names;
    return only !== undefined && more.length === 0
      ? (fields) => readValue(fields, only)
      : (fields) => readSum(fields, names);
  };
  const mapped = withKnown(options.map, known !== undefined && type === known.type ? known.values : []);
  const pairs =
    mapped.length > 0 ? mapped : columns.filter((name) => !taken.has(name)).map((name) => [name, name] as const);
  const values = pairs.map(
    ([name, text]): Value => ({
      name,
      path: mapped.length > 0 ? name.split('.') : [name],
      read: expression('--map', text),
    }),
  );
  const readAmount = options.amount === undefined ? undefined : expression('--amount-column', options.amount);

  const rankOf = zipfRanks(options.draw);
  const { customers } = options.draw;
  const customerOf = (row: Row, fields: Fields): string | BadValue => {
    if (customerColumn === undefined) return customerName(options.customerPrefix, rankOf(row.row), customers);
    return idText(fields.get(customerColumn), customerColumn);
  };

  const map = (row: Row): Item | BadRow => {
    const { line, fields } = row;
    if (fields === undefined) return { line, code: 'unreadable_line', message: row.problem ?? 'cannot be read' };
    const customer = customerOf(row, fields);
    if (customer instanceof BadValue) return { line, code: 'invalid_customer', message: customer.message };
    const entity = entityColumn === undefined ? undefined : optionalId(fields.get(entityColumn), entityColumn);
    if (entity instanceof BadValue) return { line, code: 'invalid_id', message: entity.message };
    const id = idColumn === undefined ? `${options.idPrefix}:${row.row}` : idText(fields.get(idColumn), idColumn);
    if (id instanceof BadValue) return { line, code: 'invalid_id', message: id.message };
    const written = timeColumn === undefined ? undefined : fields.get(timeColumn);
    const time = timeColumn === undefined ? undefined : parseLogTime(written, options.timezone);
    if (timeColumn !== undefined && time === undefined) {
      return {
        line,
        code: 'invalid_time',
        message: `${timeColumn} is ${shown(written)}, no time such as 2026-11-16 18:17:03.98`,
      };
    }
    const common = { line, customer, atMs: time?.atMs, time: time?.text };
    if (options.to === 'check') {
      const amount = readAmount === undefined ? 1 : readAmount(fields);
      if (amount instanceof BadValue) return { line, code: 'invalid_value', message: amount.message };
      if (!isAmount(amount) || (typeof amount !== 'number' && typeof amount !== 'string')) {
        return { line, code: 'invalid_value', message: `${options.amount} is ${shown(amount)}, no amount` };
      }
      const dimensions = options.set.length === 0 ? {} : { dimensions: Object.fromEntries(options.set) };
      const check = {
        customer,
        feature: options.feature ?? '',
        amount,
        id,
        ...(entity === undefined ? {} : { entity }),
        ...dimensions,
      };
      return { ...common, event: undefined, check, amounts: [['amount', amount]] };
    }
    const read = readData(fields, values, options.set);
    if (read instanceof BadValue) return { line, code: 'invalid_value', message: read.message };
    const event: UsageEvent = {
      id,
      source: REPLAY_SOURCE,
      type: type ?? '',
      subject: customer,
      ...(time === undefined ? {} : { time: time.text }),
      ...(entity === undefined ? {} : { entity }),
      data: read.data,
    };
    return { ...common, event, check: undefined, amounts: read.amounts };
  };

  const what = values
    .map(({ name }, index) => (name === pairs[index]?.[1] ? name : `${name}=${pairs[index]?.[1]}`))
    .join(', ');
  const description =
    options.to === 'check'
      ? `checks of ${options.feature} with amount ${options.amount ?? 1}`
      : `events of type ${type} with ${what}`;
  return { timeColumn, description, map };
}

/** The caller's pairs, and those of a known log for values the caller does not name. */
function withKnown(
  pairs: readonly (readonly [string, string])[],
  known: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  return [...pairs, ...known.filter(([name]) => !pairs.some(([mine]) => mine === name))];
}

function readData(
  fields: Fields,
  values: readonly Value[],
  fixed: readonly (readonly [string, string])[],
): { data: Record<string, unknown>; amounts: [string, unknown][] } | BadValue {
  const data: Record<string, unknown> = {};
  const amounts: [string, unknown][] = [];
  for (const { name, path, read } of values) {
    const value = read(fields);
    if (value instanceof BadValue) return value;
    if (value === undefined || value === null) continue;
    if (!setPath(data, path, value)) return new BadValue(`${name} is mapped twice, or below a value`);
    amounts.push([name, value]);
  }
  for (const [name, text] of fixed) {
    if (!setPath(data, name.split('.'), valueOfText(text))) return new BadValue(`--set ${name} is mapped already`);
  }
  return { data, amounts };
}

/** An empty cell is no value. */
function readValue(fields: Fields, column: string): unknown {
  const value = fields.get(column);
  return typeof value === 'string' ? (value === '' ? undefined : valueOfText(value)) : value;
}

function readSum(fields: Fields, columns: readonly string[]): unknown {
  const sum = new DecimalSum();
  for (const column of columns) {
    const value = readValue(fields, column);
    if (!sum.add(value)) return new BadValue(`${column} is ${shown(value)}, no amount that can be added`);
  }
  return sum.value();
}

function idText(value: unknown, column: string): string | BadValue {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && isId(text)) return text;
  return new BadValue(`${column} is ${shown(value)}, no id of 1 to 256 printable characters`);
}

const optionalId = (value: unknown, column: string): string | undefined | BadValue =>
  value === undefined || value === null || value === '' ? undefined : idText(value, column);

const shown = (value: unknown): string =>
  value === undefined ? 'missing' : (JSON.stringify(value)?.slice(0, 60) ?? 'missing');
