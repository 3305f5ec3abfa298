import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** What a lease needs of a key-value store with revisions; a NATS bucket is one. */
export interface LeaseStore {
  /** @throws when the key exists. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** @throws when the key is past this revision. */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  get(key: string): Promise<{ readonly value: Uint8Array; readonly revision: number } | null>;
}

export interface LeaseOptions {
  readonly store: LeaseStore;
  readonly key: string;
  /** How long a holder that died keeps others out; it renews three times as often. */
  readonly ttlMs?: number;
  readonly signal?: AbortSignal;
  /** Called while another process holds it, once a holder. */
  readonly onWait?: (holder: string) => void;
  /** Called when the entry could not be renewed or given up: the term runs out then, unless a later renewal succeeds. */
  readonly onFailure?: (error: unknown) => void;
}

interface LeaseValue {
  /** Which process: machine, process-id namespace, pid and start; empty once released. */
  readonly holder: string;
  /** The holder's note, such as its position; survives a change of holders. */
  readonly note: string;
}

const TTL_MS = 9_000;
const POLL_MS = 250;

/**
 * The right to be the only one, fenced by the revision of its entry: whoever renews or takes it names the revision
 * that it saw, so of two at most one succeeds. No wall clock is compared: a contender waits until it has seen the same
 * revision for the whole term by its own clock, or knows that the holder's process on this machine is gone.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #ttlMs: number;
  readonly #name: string;
  #revision: number;
  #note: string;
  #validUntil: number;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #lost = false;

  private constructor(options: LeaseOptions, name: string, revision: number, note: string, sentAt: number) {
    this.#options = options;
    this.#name = name;
    this.#ttlMs = options.ttlMs ?? TTL_MS;
    this.#revision = revision;
    this.#note = note;
    this.#validUntil = sentAt + this.#ttlMs;
    this.#schedule();
  }

  /** Waits for the lease. @throws AbortError by the signal. */
  static async acquire(options: LeaseOptions): Promise<Lease> {
    const ttlMs = options.ttlMs ?? TTL_MS;
    const name = newName();
    let seen = { revision: -1, since: 0 };
    let waitedFor = '';
    for (;;) {
      options.signal?.throwIfAborted();
      const sentAt = performance.now();
      const entry = await options.store.get(options.key);
      const current = entry === null ? { holder: '', note: '' } : decode(entry.value);
      const changed = entry !== null && entry.revision !== seen.revision;
      if (changed) seen = { revision: entry.revision, since: performance.now() };
      const expired = performance.now() - seen.since >= ttlMs;
      const free = current.holder === '' || givenUp.has(current.holder) || isGone(current.holder);
      if (entry === null || free || expired) {
        const value = encode({ holder: name, note: current.note });
        const revision = await take(options, value, entry?.revision);
        if (revision !== null) {
          givenUp.delete(current.holder);
          return new Lease(options, name, revision, current.note, sentAt);
        }
      } else if (current.holder !== waitedFor) {
        waitedFor = current.holder;
        options.onWait?.(waitedFor);
      }
      await delay(POLL_MS, undefined, { signal: options.signal });
    }
  }

  /** True while no one else can hold it, by this process's own clock. Ask before every step that must not be doubled. */
  get held(): boolean {
    return !this.#lost && performance.now() < this.#validUntil;
  }

  /** The note kept with the lease, of this holder or of the one before. */
  get note(): string {
    return this.#note;
  }

  /** Writes a note, and renews by it. @throws Error when the lease is lost. */
  async write(note: string): Promise<void> {
    this.#note = note;
    await this.#renew();
    if (!this.held) throw new Error(`the lease ${this.#options.key} is lost`);
  }

  /** Gives it up, so that the next holder need not wait. */
  async release(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#renewing;
    if (this.#lost) return;
    this.#lost = true;
    const value = encode({ holder: '', note: this.#note });
    await this.#options.store.update(this.#options.key, value, this.#revision).catch((error: unknown) => {
      givenUp.add(this.#name);
      this.#failed(error);
    });
  }

  readonly #failed = (error: unknown): undefined => {
    this.#options.onFailure?.(error);
  };

  #schedule(): void {
    this.#timer = setTimeout(() => {
      void this.#renew().then(() => {
        if (!this.#lost) this.#schedule();
      });
    }, this.#ttlMs / 3);
    this.#timer.unref();
  }

  /** One renewal at a time. An answer that never comes leaves the term to run out; another's revision ends it at once. */
  #renew(): Promise<void> {
    this.#renewing = this.#renewing.then(async () => {
      if (this.#lost) return;
      const sentAt = performance.now();
      const value = encode({ holder: this.#name, note: this.#note });
      try {
        this.#revision = await this.#options.store.update(this.#options.key, value, this.#revision);
        this.#validUntil = sentAt + this.#ttlMs;
      } catch (error) {
        this.#failed(error);
        await this.#afterFailure();
      }
    });
    return this.#renewing;
  }

  /** A lost answer may hide a renewal that took place: then the entry is ours under a later revision. */
  async #afterFailure(): Promise<void> {
    const entry = await this.#options.store.get(this.#options.key).catch(this.#failed);
    if (entry === undefined) return;
    if (entry !== null && decode(entry.value).holder === this.#name) this.#revision = entry.revision;
    else this.#lost = true;
  }
}

async function take(options: LeaseOptions, value: Uint8Array, revision: number | undefined): Promise<number | null> {
  try {
    if (revision === undefined) return await options.store.create(options.key, value);
    return await options.store.update(options.key, value, revision);
  } catch {
    return null;
  }
}

const encode = (value: LeaseValue): Uint8Array => Buffer.from(JSON.stringify(value));

function decode(bytes: Uint8Array): LeaseValue {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null && 'holder' in value && 'note' in value) {
      return { holder: String(value.holder), note: String(value.note) };
    }
  } catch {
    // Whatever stands there is no holder of ours.
  }
  return { holder: '', note: '' };
}

let machine: string | undefined;

/** This boot of this machine, and the namespace its process ids belong to; empty where that cannot be told. */
function machineName(): string {
  try {
    machine ??= `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    machine = '';
  }
  return machine;
}

/**
 * When a process of this machine began, in ticks since the boot: the 22nd field of proc_pid_stat(5), whose second, a name
 * in brackets, may have spaces. Undefined where there is none, or it cannot be told.
 */
function startOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
}

const newName = (): string => `${machineName()}#${process.pid}#${startOf('self') ?? ''}#${crypto.randomUUID()}`;

/**
 * Names under which this process held a lease and could not give it up, since the store did not answer. Nobody works under
 * them any more: without this, whoever comes back after an outage would wait out its own term.
 */
const givenUp = new Set<string>();

/**
 * True when the holder was a process of this machine that no longer runs; another one may have its number by now. When
 * unsure, false: the term decides.
 */
function isGone(holder: string): boolean {
  const [where = '', pid = '', start = ''] = holder.split('#');
  if (where === '' || where !== machineName() || !/^\d+$/.test(pid) || start === '') return false;
  const now = startOf(pid);
  if (now !== undefined) return now !== start;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
