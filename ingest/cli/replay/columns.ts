import { isId } from '../../../engine/contract/ids.js';
import { UsageError } from '../command.js';
import { didYouMean } from '../nearest.js';
import type { Fields } from './rows.js';
import { DecimalSum, valueOfText } from './values.js';

/** A value of a row that cannot be sent. */
export class BadValue {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Reads one value of a row; undefined for none. */
export type Read = (fields: Fields) => unknown;

/** The columns of a file, by which options are checked before the first row is read. */
export class Columns {
  readonly names: readonly string[];
  readonly #isCsv: boolean;

  constructor(names: readonly string[], isCsv: boolean) {
    this.names = names;
    this.#isCsv = isCsv;
  }

  /** The name as given. @throws UsageError when a header lacks it; a line of JSON may have what the first one lacks. */
  named(option: string, name: string): string;
  named(option: string, name: string | undefined): string | undefined;
  named(option: string, name: string | undefined): string | undefined {
    if (name === undefined || !this.#isCsv || this.names.includes(name)) return name;
    const hint = didYouMean(name, this.names);
    throw new UsageError(
      `${option} names the column ${JSON.stringify(name)}${hint}; the file has ${this.names.join(', ')}`,
    );
  }

  /** A column, or the exact sum of several joined by `+`. @throws UsageError */
  expression(option: string, text: string): Read {
    const names = this.names.includes(text) ? [text] : text.split('+').map((name) => this.named(option, name.trim()));
    for (const name of names) this.named(option, name);
    const [only, ...more] = names;
    if (only !== undefined && more.length === 0) return (fields) => readValue(fields, only);
    return (fields) => readSum(fields, names);
  }
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

/** An id of a row, where it has one. */
export function readId(fields: Fields, column: string): string | BadValue {
  const value = fields.get(column);
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && isId(text)) return text;
  return new BadValue(`${column} is ${shown(value)}, no id of 1 to 256 printable characters`);
}

/** As `readId`, but an empty cell is none. */
export function readOptionalId(fields: Fields, column: string): string | undefined | BadValue {
  const value = fields.get(column);
  return value === undefined || value === null || value === '' ? undefined : readId(fields, column);
}

/** A value in a message. */
export const shown = (value: unknown): string =>
  value === undefined ? 'missing' : (JSON.stringify(value)?.slice(0, 60) ?? 'missing');
