import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CatalogLog } from '../catalog/cache.js';
import type { Decider } from '../decide.js';
import type { RedisClient } from '../store/cluster.js';
import type { Store } from '../store/store.js';
import { SpoolCharger } from './charger.js';
import type { Allowances } from './policy.js';
import type { SealedSpool, Spool } from './spool.js';
import type { SpooledOperation } from './spool-format.js';

/** How often this gateway says that it lives, looks for spools that nobody holds, and tries again to charge. */
const TICK_MS = 1_000;
/** How long a stop waits for the frame that is being charged. */
const STOP_MS_MAX = 1_000;
/** What no counter can hold: kept for people, one JSON document a line. */
const IMPOSSIBLE_FILE = 'impossible.ndjson';

export interface SettlementOptions {
  readonly folder: string;
  readonly redis: RedisClient;
  readonly decider: Decider;
  readonly store: Store;
  readonly spool: Spool;
  readonly allowances: Allowances;
  readonly clockMs: (() => number) | undefined;
  readonly log: CatalogLog | undefined;
}

/** Charges spools whenever Redis is there: this gateway's, and those of gateways that are gone. */
export class Settlement {
  readonly #options: SettlementOptions;
  readonly #charger: SpoolCharger;
  readonly #timer: NodeJS.Timeout;
  /** How far a spool is charged, so that a failure in the middle does not begin anew. */
  readonly #charged = new Map<string, number>();
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  readonly counters = { settled: 0, failures: 0, impossible: 0 };

  constructor(options: SettlementOptions) {
    this.#options = options;
    const { redis, decider, store, log } = options;
    this.#charger = new SpoolCharger({
      redis,
      decider,
      shards: store.shards,
      clockMs: options.clockMs ?? (() => 0),
      log,
    });
    this.#timer = setInterval(() => {
      this.#giveSignOfLife();
      this.wake();
    }, TICK_MS);
    this.#timer.unref();
    this.wake();
  }

  get charger(): SpoolCharger['counters'] {
    return this.#charger.counters;
  }

  /** Looks and charges now, or once more after the turn that is under way. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#turn().finally(() => {
      this.#running = undefined;
      if (this.#again) {
        this.#again = false;
        this.wake();
      }
    });
  }

  /** A call that Redis does not answer is left to itself: its frame is charged under its sequence by whoever comes next. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    const waited = new AbortController();
    await Promise.race([
      this.#running,
      delay(STOP_MS_MAX, undefined, { signal: waited.signal }).catch(() => undefined),
    ]);
    waited.abort();
  }

  /** Beside the turn, which may take long. */
  #giveSignOfLife(): void {
    const { spool, log } = this.#options;
    spool.giveSignOfLife().catch((error: unknown) => {
      this.counters.failures++;
      log?.warn({ error }, 'the folder of spools cannot be written');
    });
  }

  async #turn(): Promise<void> {
    const { spool, store, log } = this.#options;
    try {
      await spool.look();
      if (store.isAway || spool.isEmpty) return;
      for (const sealed of await spool.seal()) await this.#trySettle(sealed);
    } catch (error) {
      this.counters.failures++;
      log?.warn({ error }, 'the spools of this gateway cannot be looked at');
    }
  }

  /** A spool that cannot be charged keeps no other from it. */
  async #trySettle(sealed: SealedSpool): Promise<void> {
    const { spool, allowances, store, log } = this.#options;
    try {
      if (!(await this.#settle(sealed))) return;
      // What was admitted is in the counters now, and the next outage is another one.
      if (spool.isEmpty && !store.isAway) allowances.clear();
      await this.#expire(sealed);
    } catch (error) {
      this.counters.failures++;
      log?.warn({ spool: sealed.id, error }, 'what was admitted while Redis was away waits to be charged');
    }
  }

  /** @returns false when it has to wait: Redis went away again, the outbox is full, or the process stops. */
  async #settle(sealed: SealedSpool): Promise<boolean> {
    const { spool, store, log } = this.#options;
    const from = this.#charged.get(sealed.id) ?? 0;
    for await (const frame of spool.frames(sealed)) {
      if (frame.sequence <= from) continue;
      if (this.#stopped || store.isAway || store.rooms.some(({ isFull }) => isFull)) return false;
      await this.#putAside(await this.#charger.charge(sealed.id, frame));
      this.#charged.set(sealed.id, frame.sequence);
    }
    await spool.forget(sealed);
    this.#charged.delete(sealed.id);
    this.counters.settled++;
    log?.info({ spool: sealed.id, bytes: sealed.bytes }, 'charged what was admitted while Redis was away');
    return true;
  }

  async #expire({ id }: SealedSpool): Promise<void> {
    try {
      await this.#charger.expire(id);
    } catch (error) {
      this.counters.failures++;
      this.#options.log?.warn({ spool: id, error }, 'a key that remembers a charged spool stays in Redis');
    }
  }

  async #putAside(impossible: readonly SpooledOperation[]): Promise<void> {
    if (impossible.length === 0) return;
    const lines = impossible.map((operation) => `${JSON.stringify(operation)}\n`);
    await appendFile(join(this.#options.folder, IMPOSSIBLE_FILE), lines.join(''), { mode: 0o600, flush: true });
    this.counters.impossible += impossible.length;
    this.#options.log?.error({ operations: impossible.length }, `no counter can hold it: see ${IMPOSSIBLE_FILE}`);
  }
}
