import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogLog } from '../catalog/cache.js';
import type { Decision } from '../contract/decision.js';
import { WeirError } from '../contract/errors.js';
import { type Frame, readFrames, type SpooledOperation } from './spool-format.js';
import { isMissing, SpoolWriter, spoolText, syncFolder, type WriterCounters } from './spool-writer.js';

const FILE = /^([0-9a-z]+)\.([0-9a-f]+)\.spool$/;

/** A check under an id: what must be the same when it comes again, and its first answer once that is durable. */
export interface SpooledAnswer {
  readonly body: string;
  readonly decision: Promise<Decision>;
}

/** A spool that is written no more, and waits to be charged. */
export interface SealedSpool {
  /** Its identity, under which its frames are charged, whichever gateway does it. */
  readonly id: string;
  readonly path: string;
  readonly bytes: number;
}

interface Held extends SealedSpool {
  readonly answers: ReadonlyMap<string, SpooledAnswer>;
}

export interface SpoolOptions {
  readonly folder: string;
  /** Bytes of all spools of this gateway. */
  readonly bytesMax: number;
  /** A spool whose owner gave no sign of life for so long is taken by another gateway; ms. */
  readonly staleMs: number;
  readonly log: CatalogLog | undefined;
}

/**
 * The spools of one gateway: files `ID.OWNER.spool` in a folder that all gateways of a WEIR_HOME share. Its owner is a
 * process's life. A gateway that dies leaves its spools; whichever gateway next looks there takes them by renaming, which
 * one of them alone can do. An owner that was only stopped finds its file gone, and answers for nothing more from it
 * (spool-writer.ts); what is charged twice by both is charged once (charger.ts).
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #owner = randomBytes(8).toString('hex');
  readonly #sealed: Held[] = [];
  #writer: SpoolWriter | undefined;
  #writerId = '';
  #answers = new Map<string, SpooledAnswer>();
  #bytesInFlight = 0;
  readonly counters: WriterCounters & { taken: number; tornBytes: number; refusedFull: number } = {
    operations: 0,
    syncs: 0,
    failures: 0,
    taken: 0,
    tornBytes: 0,
    refusedFull: 0,
  };

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** Bytes that wait to be charged, or are on their way to the disk. */
  get bytes(): number {
    const sealed = this.#sealed.reduce((sum, each) => sum + each.bytes, 0);
    return sealed + (this.#writer?.bytes ?? 0) + this.#bytesInFlight;
  }

  get isEmpty(): boolean {
    return this.#writer === undefined && this.#sealed.length === 0;
  }

  /** The answer that an id was given while Redis was away, by this gateway. */
  recall(fingerprint: string): SpooledAnswer | undefined {
    const recent = this.#answers.get(fingerprint);
    if (recent !== undefined) return recent;
    for (const { answers } of this.#sealed) {
      const answer = answers.get(fingerprint);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /**
   * Makes operations durable, all or none. @returns what to remember ids in: it is forgotten with the operations.
   * @throws WeirError store_unavailable past the bound.
   */
  append(operations: readonly SpooledOperation[]): { durable: Promise<void>; answers: Map<string, SpooledAnswer> } {
    const texts = operations.map(spoolText);
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (this.bytes + bytes > this.#options.bytesMax) {
      this.counters.refusedFull++;
      throw new WeirError('store_unavailable', 'and the spool is full: WEIR_SPOOL_MB');
    }
    const writer = this.#usableWriter();
    this.#bytesInFlight += bytes;
    const durable = writer.append(texts).finally(() => {
      this.#bytesInFlight -= bytes;
    });
    return { durable, answers: this.#answers };
  }

  /** Ends the spool that is written, and says which wait to be charged, oldest first. */
  async seal(): Promise<readonly SealedSpool[]> {
    await this.#sealWriter();
    return [...this.#sealed];
  }

  /**
   * Frames of a sealed spool; none where its file was never made, or is with another gateway now. A torn tail is told and
   * left out. @throws Error where the file cannot be read.
   */
  async *frames(spool: SealedSpool): AsyncGenerator<Frame> {
    const handle = await open(spool.path, 'r').catch(unlessMissing);
    if (handle === undefined) return;
    try {
      const { size } = await handle.stat();
      const end = yield* readFrames(async (offset, length) => {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      });
      if (end < size) {
        this.counters.tornBytes += size - end;
        this.#options.log?.warn(
          { spool: spool.id, bytes: size - end },
          'a spool ends in a write that nobody was answered for',
        );
      }
    } finally {
      await handle.close();
    }
  }

  /** Removes a spool that is charged. */
  async forget(spool: SealedSpool): Promise<void> {
    await rm(spool.path, { force: true });
    await syncFolder(this.#options.folder).catch(unlessMissing);
    this.#drop(spool.id);
  }

  /** Keeps others from taking the spools of this gateway. */
  async giveSignOfLife(): Promise<void> {
    const seconds = Date.now() / 1_000;
    for (const { id, path } of [...this.#sealed]) {
      try {
        await utimes(path, seconds, seconds);
      } catch (error) {
        if (!isMissing(error)) throw error;
        this.#drop(id);
      }
    }
    if (this.#writer === undefined) return;
    await utimes(this.#writer.path, seconds, seconds).catch(unlessMissing);
  }

  /** Takes the spools of gateways that gave no sign of life for too long. */
  async look(): Promise<void> {
    const nowMs = Date.now();
    for (const name of (await this.#names()).sort()) {
      const [, id, owner] = FILE.exec(name) ?? [];
      if (id === undefined || owner === this.#owner) continue;
      const from = join(this.#options.folder, name);
      try {
        const { mtimeMs, size } = await stat(from);
        if (nowMs - mtimeMs < this.#options.staleMs) continue;
        const path = this.#pathOf(id);
        await rename(from, path);
        await utimes(path, nowMs / 1_000, nowMs / 1_000);
        this.#sealed.push({ id, path, bytes: size, answers: new Map() });
        this.counters.taken++;
        this.#options.log?.info({ spool: id, bytes: size }, 'took the spool of a gateway that is gone');
      } catch (error) {
        // Another gateway was faster.
        if (!isMissing(error)) throw error;
      }
    }
  }

  /** Leaves what is not charged yet to the next gateway. */
  async close(): Promise<void> {
    await this.#sealWriter();
  }

  #usableWriter(): SpoolWriter {
    const before = this.#writer;
    if (before !== undefined && !before.isUsable) {
      this.#setAside(before);
      before.seal().catch((error: unknown) => {
        this.counters.failures++;
        this.#options.log?.warn({ error }, 'a spool could not be closed');
      });
    }
    if (this.#writer === undefined) {
      this.#writerId = `${Date.now().toString(36)}${randomBytes(8).toString('hex')}`;
      this.#writer = new SpoolWriter(this.#pathOf(this.#writerId), this.counters);
      this.#answers = new Map();
    }
    return this.#writer;
  }

  async #sealWriter(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#setAside(writer);
    await writer.seal();
  }

  /** From here on appends go to another file. What the file has of durable frames is counted when it is sealed. */
  #setAside(writer: SpoolWriter): void {
    const { path } = writer;
    this.#sealed.push({
      id: this.#writerId,
      path,
      answers: this.#answers,
      get bytes() {
        return writer.bytes;
      },
    });
    this.#writer = undefined;
    this.#answers = new Map();
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#options.folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  #drop(id: string): void {
    const at = this.#sealed.findIndex((each) => each.id === id);
    if (at >= 0) this.#sealed.splice(at, 1);
  }

  #pathOf(id: string): string {
    return join(this.#options.folder, `${id}.${this.#owner}.spool`);
  }
}

/** Not written yet, or taken by another. */
function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
