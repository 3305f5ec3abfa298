import { CsvParser, type CsvRecord } from './csv.js';
import { InputError, type Line, type LineSource } from './lines.js';

export type RowFormat = 'csv' | 'ndjson';

/** Columns of one row, by name. */
export interface Fields {
  /** Undefined when there is no such column, or the row lacks it. */
  get(column: string): unknown;
}

/** One data row: its fields, or what is wrong with it. */
export interface Row {
  /** Counts the data rows from 1, also the broken ones: the row's identity. */
  readonly row: number;
  readonly line: number;
  readonly fields: Fields | undefined;
  readonly problem?: string;
}

/** Rows of a file, with what is known once its first row is read. */
export interface RowSource {
  /** Names of the columns; of a file of JSON those of its first row. */
  readonly columns: readonly string[];
  /** Text of the header and the first row: tells one file from another of the same name. */
  readonly beginning: string;
  rows(): AsyncGenerator<Row[]>;
}

/** Reads up to the first row. @throws InputError when there is none, or no header. */
export async function openRows(lines: LineSource, format: RowFormat, delimiter: string): Promise<RowSource> {
  const reader = format === 'csv' ? new CsvRows(delimiter) : new NdjsonRows();
  const blocks = readBlocks(lines, reader);
  const head: Row[] = [];
  while (!head.some((row) => row.fields !== undefined)) {
    const next = await blocks.next();
    if (next.done === true) break;
    head.push(...next.value);
    if (head.length > FAULTY_ROWS_MAX) break;
  }
  if (reader.beginning === '') {
    const [first] = head;
    if (first?.problem !== undefined) throw new InputError(`line ${first.line} ${first.problem}`);
    throw new InputError(format === 'csv' ? 'has no rows below its header' : 'has no lines');
  }
  return {
    columns: reader.columns,
    beginning: reader.beginning,
    async *rows() {
      yield head;
      yield* blocks;
    },
  };
}

/** Rows without a single good one, after which the file is of another kind. */
const FAULTY_ROWS_MAX = 10_000;

interface RowReader {
  readonly columns: readonly string[];
  readonly beginning: string;
  read(lines: readonly Line[]): Row[];
  end(): Row[];
}

async function* readBlocks(lines: LineSource, reader: RowReader): AsyncGenerator<Row[]> {
  for await (const block of lines.blocks()) yield reader.read(block);
  yield reader.end();
}

class CsvRows implements RowReader {
  readonly #parser: CsvParser;
  readonly #delimiter: string;
  #places: ReadonlyMap<string, number> | undefined;
  #row = 0;
  beginning = '';

  constructor(delimiter: string) {
    this.#parser = new CsvParser(delimiter);
    this.#delimiter = delimiter;
  }

  get columns(): readonly string[] {
    return [...(this.#places?.keys() ?? [])];
  }

  read(lines: readonly Line[]): Row[] {
    return this.#rows(this.#parser.feed(lines));
  }

  end(): Row[] {
    return this.#rows(this.#parser.end());
  }

  #rows(records: readonly CsvRecord[]): Row[] {
    const rows: Row[] = [];
    for (const record of records) {
      if (this.#places === undefined) this.#readHeader(record);
      else rows.push(this.#toRow(record, this.#places));
    }
    return rows;
  }

  /** @throws InputError for a header by which no column can be named. */
  #readHeader(record: CsvRecord): void {
    if ('problem' in record) throw new InputError(`its header, line ${record.line}, ${record.problem}`);
    const names = record.cells.map((cell) => cell.trim());
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new InputError(`its header has the column ${JSON.stringify(twice)} twice`);
    this.#places = new Map(names.map((name, index) => [name, index]));
  }

  #toRow(record: CsvRecord, places: ReadonlyMap<string, number>): Row {
    this.#row += 1;
    const { line } = record;
    if ('problem' in record) return { row: this.#row, line, fields: undefined, problem: record.problem };
    const { cells } = record;
    if (cells.length !== places.size) {
      const problem = `has ${cells.length} columns, the header ${places.size}`;
      return { row: this.#row, line, fields: undefined, problem };
    }
    if (this.beginning === '') this.beginning = [...places.keys(), ...cells].join(this.#delimiter);
    return {
      row: this.#row,
      line,
      fields: {
        get: (column) => {
          const place = places.get(column);
          return place === undefined ? undefined : cells[place];
        },
      },
    };
  }
}

class NdjsonRows implements RowReader {
  #row = 0;
  columns: readonly string[] = [];
  beginning = '';

  read(lines: readonly Line[]): Row[] {
    return lines
      .filter(({ text, problem }) => problem !== undefined || text.trim() !== '')
      .map((line) => this.#toRow(line));
  }

  end(): Row[] {
    return [];
  }

  #toRow({ line, text, problem }: Line): Row {
    this.#row += 1;
    const broken = (why: string): Row => ({ row: this.#row, line, fields: undefined, problem: why });
    if (problem !== undefined) return broken(problem);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return broken('is not valid JSON');
    }
    if (!isObject(value)) return broken('is no JSON object');
    if (this.beginning === '') {
      this.beginning = text.trim();
      this.columns = Object.keys(value);
    }
    return { row: this.#row, line, fields: { get: (column) => readField(value, column) } };
  }
}

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A column by its name, or by a path: `usage.prompt_tokens`. */
function readField(object: JsonObject, column: string): unknown {
  if (Object.hasOwn(object, column)) return object[column];
  let value: unknown = object;
  for (const name of column.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
