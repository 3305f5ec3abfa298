import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CatalogLog } from '../cache.js';
import { CATALOG_BYTES_MAX, parseCatalog } from '../document.js';
import type { ApplyOutcome, CatalogRegistry } from '../registry.js';

/** The owner of what a file brings. */
export const FILE_OWNER = 'file';

/** A file that reads the same twice with this pause between is not being written any more. */
const SETTLE_MS = 100;
/** Where the system tells of no changes (network disks, containers' mounts), the file is looked at so often. */
const POLL_MS = 1_000;

export type FileOutcome =
  | ApplyOutcome
  /** The file cannot be read; the catalog stays as it is. */
  | { readonly status: 'unreadable'; readonly message: string };

/** How looks at the file ended, since the start: `failed` ones are tried again. */
export type FileLooks = Record<FileOutcome['status'] | 'failed', number>;

export interface FileSourceOptions {
  readonly path: string;
  readonly registry: CatalogRegistry;
  readonly log?: CatalogLog;
  /** Told of every look at a changed file. */
  readonly onOutcome?: (outcome: FileOutcome) => void;
}

/**
 * Follows an entitlement file: what is saved is in force within a second, and a file that does not hold changes
 * nothing. The folder is watched, not the file, since editors put a new file in the old one's place.
 *
 *   a change is seen → the file reads the same twice → parse → apply → fenced
 */
export class FileSource {
  readonly #path: string;
  readonly #registry: CatalogRegistry;
  readonly #log: CatalogLog | undefined;
  readonly #onOutcome: ((outcome: FileOutcome) => void) | undefined;
  readonly looks: FileLooks = { applied: 0, unchanged: 0, planned: 0, refused: 0, unreadable: 0, failed: 0 };
  /** Of the file and the content that were last dealt with. */
  #stamp: string | undefined;
  #digest: string | undefined;
  #last: FileOutcome | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;

  constructor(options: FileSourceOptions) {
    this.#path = options.path;
    this.#registry = options.registry;
    this.#log = options.log;
    this.#onOutcome = options.onOutcome;
  }

  /** What became of the file when it was last looked at. */
  get last(): FileOutcome | undefined {
    return this.#last;
  }

  /**
   * Applies the file and begins to follow it.
   * @returns what became of it; a file with faults does not keep the source from following.
   * @throws WeirError and the client's errors when Redis cannot take it.
   */
  async start(): Promise<FileOutcome> {
    const outcome = await this.#look();
    this.#watch();
    this.#poll = setInterval(() => this.#check(), POLL_MS);
    this.#check();
    return outcome ?? { status: 'unreadable', message: 'is being written' };
  }

  /** Applies the file again although it is the same: the catalog was made anew. */
  async again(): Promise<void> {
    this.#stamp = undefined;
    this.#digest = undefined;
    this.#check();
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#watcher?.close();
    clearInterval(this.#poll);
    this.#stopped = true;
    await this.#running;
  }

  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#path), () => this.#check());
      this.#watcher.on('error', (error) => this.#log?.warn({ error }, 'the catalog file is polled, not watched'));
    } catch (error) {
      this.#log?.warn({ error }, 'the catalog file is polled, not watched');
    }
  }

  /** One look at a time; what is asked for meanwhile is one more. */
  #check(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#look()
      .then(() => undefined)
      .catch((error: unknown) => {
        this.looks.failed++;
        this.#log?.error({ error }, 'the catalog file could not be applied; it is tried again');
      })
      .finally(() => {
        this.#running = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.#check();
      });
  }

  /**
   * Applies the file if it is another one than last time, once it has settled.
   * @returns undefined when there is nothing new, or it is still being written: the next look finds it again.
   */
  async #look(): Promise<FileOutcome | undefined> {
    const stamp = await this.#stampOf();
    if (stamp === this.#stamp && this.#last !== undefined) return undefined;
    const text = await this.#read();
    await delay(SETTLE_MS);
    if ((await this.#stampOf()) !== stamp) {
      this.#again = true;
      return undefined;
    }
    const digest = typeof text === 'string' ? digestOf(text) : undefined;
    const known = digest !== undefined && digest === this.#digest ? this.#last : undefined;
    const author = { owner: FILE_OWNER, actor: `file:${basename(this.#path)}` };
    const outcome = known ?? (typeof text === 'string' ? await this.#registry.apply(parseCatalog(text), author) : text);
    // Only now, so that what Redis did not take is tried again.
    this.#stamp = stamp;
    this.#digest = digest;
    if (known === undefined) this.#tell(outcome);
    return outcome;
  }

  /** Changes whenever the file does, without reading it; undefined when there is none. */
  async #stampOf(): Promise<string | undefined> {
    try {
      const { ino, size, mtimeNs } = await stat(this.#path, { bigint: true });
      return `${ino}:${size}:${mtimeNs}`;
    } catch {
      return undefined;
    }
  }

  async #read(): Promise<string | (FileOutcome & { readonly status: 'unreadable' })> {
    try {
      const { size } = await stat(this.#path);
      if (size > CATALOG_BYTES_MAX)
        return { status: 'unreadable', message: `is larger than ${CATALOG_BYTES_MAX} bytes` };
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      return { status: 'unreadable', message: error instanceof Error ? error.message : String(error) };
    }
  }

  #tell(outcome: FileOutcome): void {
    this.#last = outcome;
    this.looks[outcome.status]++;
    const fields = { file: this.#path };
    switch (outcome.status) {
      case 'applied':
        this.#log?.info(
          { ...fields, version: outcome.version, changes: outcome.changes.length },
          'the catalog file is in force',
        );
        break;
      case 'refused':
        for (const { line, column, path, message } of outcome.faults) {
          this.#log?.error({ ...fields, line, column, path }, `the catalog file does not hold: ${message}`);
        }
        break;
      case 'unreadable':
        this.#log?.error({ ...fields, reason: outcome.message }, 'the catalog file cannot be read');
        break;
      case 'unchanged':
      case 'planned':
        break;
    }
    this.#onOutcome?.(outcome);
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');
