import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const CHUNK_BYTES = 256 * 1024;
/** A longer line is no log line; the whole of it would have to stay in memory. */
export const LINE_BYTES_MAX = 1024 * 1024;
const NEWLINE = 0x0a;

/** A file that cannot be read any further. */
export class InputError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InputError';
  }
}

/** One line, without its newline; a carriage return before it is kept. */
export interface Line {
  /** From 1. */
  readonly line: number;
  /** '' for a line that is not UTF-8. */
  readonly text: string;
  readonly problem?: string;
}

/** The lines of a file of any size, some hundred kilobytes at a time. */
export class LineSource {
  /** Bytes of the file, as it lies there; undefined for standard input. */
  readonly bytesTotal: number | undefined;
  #bytesRead = 0;
  readonly #raw: AsyncIterable<Uint8Array>;
  readonly #gzip: boolean;

  constructor(raw: AsyncIterable<Uint8Array>, options: { readonly bytesTotal?: number; readonly gzip?: boolean } = {}) {
    this.#raw = raw;
    this.bytesTotal = options.bytesTotal;
    this.#gzip = options.gzip === true;
  }

  /** Of the file as it lies there, so packed where it is packed. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** @throws InputError for what no line can be read from. */
  async *blocks(): AsyncGenerator<Line[]> {
    let rest = Buffer.alloc(0);
    let next = 1;
    try {
      for await (const chunk of this.#unpacked()) {
        const data = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
        const end = data.lastIndexOf(NEWLINE);
        if (end !== -1) {
          const lines = split(data.subarray(0, end), next);
          next += lines.length;
          yield lines;
        }
        rest = data.subarray(end + 1);
        if (rest.length > LINE_BYTES_MAX) {
          throw new InputError(`line ${next} is longer than ${LINE_BYTES_MAX} bytes: is this a text file?`);
        }
      }
    } catch (error) {
      if (error instanceof InputError || !(error instanceof Error)) throw error;
      throw new InputError(`cannot be read after line ${next - 1}: ${error.message}`);
    }
    if (rest.length > 0) yield split(rest, next);
  }

  async *#unpacked(): AsyncGenerator<Uint8Array> {
    if (!this.#gzip) {
      yield* this.#counted();
      return;
    }
    const gunzip = createGunzip();
    const source = Readable.from(this.#counted(), { objectMode: false });
    source.on('error', (error) => gunzip.destroy(error));
    yield* source.pipe(gunzip);
  }

  async *#counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#raw) {
      this.#bytesRead += chunk.length;
      yield chunk;
    }
  }
}

/** Whole lines as text. Bytes that are not UTF-8 spoil their own line only: two ids must not fall together unseen. */
function split(bytes: Buffer, firstLine: number): Line[] {
  const start = firstLine === 1 ? afterByteOrderMark(bytes) : 0;
  const block = bytes.subarray(start);
  if (isUtf8(block)) {
    return block
      .toString('utf8')
      .split('\n')
      .map((text, index) => ({ line: firstLine + index, text }));
  }
  const lines: Line[] = [];
  for (let at = 0; at <= block.length; ) {
    const end = block.indexOf(NEWLINE, at);
    const line = block.subarray(at, end === -1 ? block.length : end);
    const number = firstLine + lines.length;
    lines.push(
      isUtf8(line)
        ? { line: number, text: line.toString('utf8') }
        : { line: number, text: '', problem: 'is not encoded in UTF-8' },
    );
    if (end === -1) break;
    at = end + 1;
  }
  return lines;
}

/** @throws InputError for UTF-16, in which spreadsheets save "Unicode text". */
function afterByteOrderMark(bytes: Buffer): number {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 3;
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new InputError('is encoded in UTF-16: save it as UTF-8');
  }
  return 0;
}

/** Opens a file, packed by gzip when its name ends so; `-` is standard input. @throws InputError */
export async function openLines(path: string, stdin: AsyncIterable<Uint8Array>): Promise<LineSource> {
  if (path === '-') return new LineSource(stdin);
  try {
    const { size: bytesTotal } = await stat(path);
    const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES });
    await new Promise<void>((resolve, reject) => {
      stream.once('open', () => resolve());
      stream.once('error', reject);
    });
    return new LineSource(stream, { bytesTotal, gzip: path.endsWith('.gz') });
  } catch (error) {
    throw new InputError(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
