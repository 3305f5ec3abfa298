import { type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SPOOL_FRAME_OPERATIONS_MAX } from '../contract/constants.js';
import { WeirError } from '../contract/errors.js';
import { encodeFrame, type SpooledOperation } from './spool-format.js';

/** What is written together. */
interface Append {
  readonly texts: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Counted for metrics and tests. */
export interface WriterCounters {
  /** Operations made durable. */
  operations: number;
  /** Writes, each with its fsync. */
  syncs: number;
  failures: number;
}

/**
 * Appends operations to one spool, many by one fsync: while a write is under way, what comes gathers for the next one.
 * An append resolves when it is durable, and only then it may be answered.
 *
 *  1 write   the gathered frames, in one write
 *            → fails (the disk is full): what is in the file of them is cut off again; refused, nothing was admitted
 *  2 fsync   → fails: as 1. Where it cannot be cut off, nobody knows whether it will be charged: `outcome_unknown`, and
 *              the file is written no more
 *  3 look    whether the file is still ours: another gateway takes a spool whose owner gives no sign of life
 *            → it may have read the file before 1, or after it: `outcome_unknown`, and a new file is begun
 *  4 answer
 */
export class SpoolWriter {
  readonly path: string;
  readonly #counters: WriterCounters;
  #handle: FileHandle | undefined;
  /** Where the last durable frame ends. */
  #bytes = 0;
  #sequence = 0;
  #gathered: Append[] = [];
  #writing: Promise<void> | undefined;
  #broken = false;

  constructor(path: string, counters: WriterCounters) {
    this.path = path;
    this.#counters = counters;
  }

  /** False when it must not be written any more. */
  get isUsable(): boolean {
    return !this.#broken;
  }

  /** Bytes of durable frames. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws WeirError store_unavailable where it could not be kept, outcome_unknown where nobody knows. */
  append(texts: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#gathered.push({ texts, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Waits for what is gathered, and closes the file. */
  async seal(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#handle?.close();
    this.#handle = undefined;
    this.#broken = true;
  }

  async #write(): Promise<void> {
    // What the other turns of this event loop bring goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#gathered.length > 0) {
      const appends = this.#gathered.splice(0);
      try {
        if (this.#broken) throw new WeirError('store_unavailable', 'the spool cannot be written');
        await this.#writeOnce(appends);
        for (const { resolve } of appends) resolve();
      } catch (error) {
        this.#counters.failures++;
        const refusal = error instanceof WeirError ? error : new WeirError('store_unavailable', spoolFault(error));
        for (const { reject } of appends) reject(refusal);
      }
    }
    this.#writing = undefined;
  }

  async #writeOnce(appends: readonly Append[]): Promise<void> {
    const frames = inFrames(appends).map((texts, index) => encodeFrame(this.#sequence + index + 1, texts));
    const bytes = Buffer.concat(frames);
    this.#handle ??= await create(this.path);
    try {
      await writeAll(this.#handle, bytes, this.#bytes);
      await this.#handle.datasync();
    } catch (error) {
      await this.#cutOff(error);
      throw error;
    }
    if (!(await isStillThere(this.path))) {
      this.#broken = true;
      throw new WeirError('outcome_unknown', 'the spool may have been taken by another gateway');
    }
    this.#bytes += bytes.length;
    this.#sequence += frames.length;
    this.#counters.syncs++;
    this.#counters.operations += appends.reduce((sum, { texts }) => sum + texts.length, 0);
  }

  async #cutOff(because: unknown): Promise<void> {
    try {
      await this.#handle?.truncate(this.#bytes);
      await this.#handle?.datasync();
    } catch {
      this.#broken = true;
      throw new WeirError('outcome_unknown', spoolFault(because));
    }
  }
}

export const spoolText = (operation: SpooledOperation): string => JSON.stringify(operation);

/** Whole appends, as many as a frame holds: what is answered together is charged together. */
function inFrames(appends: readonly Append[]): string[][] {
  const frames: string[][] = [];
  let open: string[] = [];
  for (const { texts } of appends) {
    if (open.length > 0 && open.length + texts.length > SPOOL_FRAME_OPERATIONS_MAX) {
      frames.push(open);
      open = [];
    }
    open.push(...texts);
  }
  if (open.length > 0) frames.push(open);
  return frames;
}

/** A new file, durable itself: its folder's entry is synced too. */
async function create(path: string): Promise<FileHandle> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const handle = await open(path, 'wx', 0o600);
  try {
    await syncFolder(folder);
  } catch (error) {
    await handle.close();
    await rm(path, { force: true });
    throw error;
  }
  return handle;
}

/** Makes what was created, renamed or removed in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

/** A look that fails tells nothing, and nothing may be built on it. */
async function isStillThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** What the caller hears of the disk: the code, never a path. */
function spoolFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return `the gateway's disk does not keep what would be admitted: ${code}`;
}
