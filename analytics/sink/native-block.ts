import { Column, DictionaryColumn, Int64Column, type StringColumn } from './native-columns.js';

/** Arrays of a row, behind their running total. Several columns of one shape share the offsets. */
export class Offsets extends Int64Column {
  constructor() {
    super('UInt64');
  }
}

/** Array(T) over a nested column whose rows were appended before the offset. */
export class ArrayColumn extends Column {
  readonly type: string;
  readonly #offsets: Offsets;
  readonly #items: Column;

  constructor(offsets: Offsets, items: Column) {
    super();
    this.type = `Array(${items.type})`;
    this.#offsets = offsets;
    this.#items = items;
  }

  get length(): number {
    return this.#offsets.length;
  }

  /** The owner of the shared offsets and items truncates them. */
  truncate(): void {}

  pieces(): Uint8Array[] {
    if (!(this.#items instanceof DictionaryColumn)) return [...this.#offsets.pieces(), ...this.#items.pieces()];
    return [DictionaryColumn.prefix(), ...this.#offsets.pieces(), ...this.#items.body()];
  }
}

/** Map(LowCardinality(String), String). */
export class MapColumn extends Column {
  readonly type = 'Map(LowCardinality(String), String)';
  readonly #offsets: Offsets;
  readonly #keys: DictionaryColumn;
  readonly #values: StringColumn;

  constructor(offsets: Offsets, keys: DictionaryColumn, values: StringColumn) {
    super();
    this.#offsets = offsets;
    this.#keys = keys;
    this.#values = values;
  }

  get length(): number {
    return this.#offsets.length;
  }

  truncate(): void {}

  pieces(): Uint8Array[] {
    return [DictionaryColumn.prefix(), ...this.#offsets.pieces(), ...this.#keys.body(), ...this.#values.pieces()];
  }
}

/** Named columns of one length. */
export type NamedColumns = Readonly<Record<string, Column>>;

/** Names and types of a block's columns, as `file` and `input` take them. */
export const structureOf = (columns: NamedColumns): string =>
  Object.entries(columns)
    .map(([name, column]) => `${name} ${column.type}`)
    .join(', ');

/** One block in the Native format, in pieces, for one insert. @throws Error when the columns differ in length. */
export function nativeBlock(columns: NamedColumns, rows: number): Uint8Array[] {
  const entries = Object.entries(columns);
  const pieces: Uint8Array[] = [Buffer.concat([variableLength(entries.length), variableLength(rows)])];
  for (const [name, column] of entries) {
    if (column.length !== rows) throw new Error(`column ${name} has ${column.length} rows, the block has ${rows}`);
    pieces.push(Buffer.concat([text(name), text(column.type)]), ...column.pieces());
  }
  return pieces;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([variableLength(bytes.length), bytes]);
}

function variableLength(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
