import type { Line } from './lines.js';

/** One record of a CSV file: its cells, or what is wrong with it. `line` is where it begins. */
export type CsvRecord =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly problem: string };

/** Characters of one record; past it an opening quote is a mistake, not a long text. */
const RECORD_CHARS_MAX = 1024 * 1024;
/** Lines that one record may swallow before its opening quote is taken for a mistake. */
const RECORD_LINES_MAX = 1_000;

/**
 * Reads CSV by RFC 4180: quoted cells may hold delimiters, doubled quotes and newlines; records end with CRLF or LF.
 * Stricter than most readers: a quote inside an unquoted cell, or text after a closing one, is a fault of its record,
 * since guessing what was meant would shift amounts between columns. Empty lines are passed over.
 */
export class CsvParser {
  readonly #delimiter: string;
  #cells: string[] = [];
  #startLine = 0;
  /** The text so far of a quoted cell that is not closed yet. */
  #quoted: string | undefined;

  constructor(delimiter = ',') {
    this.#delimiter = delimiter;
  }

  /** The records that end within these lines. */
  feed(lines: readonly Line[]): CsvRecord[] {
    const records: CsvRecord[] = [];
    for (const { line, text, problem } of lines) {
      if (this.#quoted === undefined) {
        if (problem === undefined && (text === '' || text === '\r')) continue;
        if (problem === undefined && !text.includes('"')) {
          records.push({ line, cells: withoutReturn(text).split(this.#delimiter) });
          continue;
        }
        this.#cells = [];
        this.#startLine = line;
      }
      const fault = problem ?? this.#read(text) ?? this.#tooLong(line);
      if (fault !== undefined) {
        this.#quoted = undefined;
        records.push({ line: this.#startLine, problem: fault });
      } else if (this.#quoted === undefined) records.push({ line: this.#startLine, cells: this.#cells });
    }
    return records;
  }

  /** At the end of the file: a record that is still open. */
  end(): CsvRecord[] {
    if (this.#quoted === undefined) return [];
    this.#quoted = undefined;
    return [
      { line: this.#startLine, problem: 'opens a quote that never closes: all that follows was taken for its text' },
    ];
  }

  #tooLong(line: number): string | undefined {
    if (this.#quoted === undefined) return undefined;
    if (this.#quoted.length < RECORD_CHARS_MAX && line - this.#startLine < RECORD_LINES_MAX) return undefined;
    return `opens a quote that does not close by line ${line}: what stands between is lost`;
  }

  /** Reads one more line of the record. @returns what is wrong with it. */
  #read(text: string): string | undefined {
    let at = 0;
    for (;;) {
      if (this.#quoted !== undefined) {
        const quote = text.indexOf('"', at);
        if (quote === -1) {
          this.#quoted += `${text.slice(at)}\n`;
          return undefined;
        }
        this.#quoted += text.slice(at, quote);
        at = quote + 1;
        if (text[at] === '"') {
          this.#quoted += '"';
          at += 1;
          continue;
        }
        this.#cells.push(this.#quoted);
        this.#quoted = undefined;
        if (at === text.length || text.slice(at) === '\r') return undefined;
        if (text[at] !== this.#delimiter) return `has text after the closing quote of column ${this.#cells.length}`;
        at += 1;
      }
      if (text[at] === '"') {
        this.#quoted = '';
        at += 1;
        continue;
      }
      const end = text.indexOf(this.#delimiter, at);
      const cell = end === -1 ? withoutReturn(text.slice(at)) : text.slice(at, end);
      if (cell.includes('"')) return `has a quote inside column ${this.#cells.length + 1}, which is not quoted`;
      this.#cells.push(cell);
      if (end === -1) return undefined;
      at = end + 1;
    }
  }
}

const withoutReturn = (text: string): string => (text.endsWith('\r') ? text.slice(0, -1) : text);
