import { setTimeout as delay } from 'node:timers/promises';
import type { Addon, ApiKey, Customer, CustomerTerms, Feature, Meter, Plan } from '../contract/catalog.js';
import { CUSTOMER_CACHE_BYTES_MAX } from '../contract/constants.js';
import { CATALOG_META_KEY, CATALOG_OUTBOX_KEY } from '../store/keys.js';
import { sha256Hex } from './canonical.js';
import { CatalogStore } from './catalog-store.js';
import { CustomerCache } from './customer-cache.js';
import { CustomerLoader } from './customer-loader.js';
import { compareEntryIds, type OutboxChange, readChange, readEntries } from './outbox-entries.js';
import { connectRedis, type RedisClient, type RedisTarget } from './redis.js';
import { SharedRun } from './shared-run.js';
import { READ_ENTRIES_MAX, SILENCE_MS_MAX, StreamTail } from './stream-tail.js';
import { isTableType, TABLE_TYPES, Tables, type TableType } from './tables.js';
import type { CatalogView } from './types.js';

/** Changes of one version that are applied one by one; a larger version is read whole, once it is in force. */
const VERSION_CHANGES_MAX = 1_000;
const RETRY_PAUSE_MS = 100;
const FOLD_POLL_MS = 50;
/** A raw key is far shorter; more is not even hashed. */
const RAW_KEY_CHARS_MAX = 512;

/** What the view tells of; pino's loggers fit. */
export interface CatalogLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface CatalogViewOptions {
  readonly redis: RedisTarget;
  readonly log?: CatalogLog;
  /** Bytes kept of customers, default CUSTOMER_CACHE_BYTES_MAX. */
  readonly customerBytesMax?: number;
}

/**
 * Opens a gateway's view: loads definitions and keys, then follows the changes on a connection of its own.
 * @throws WeirError `uninitialised` where there is no catalog yet; the client's errors when Redis cannot be reached.
 */
export async function openCatalogView(options: CatalogViewOptions): Promise<RedisCatalogView> {
  const redis = connectRedis(options.redis, { connectionName: 'weir-catalog', commandTimeout: SILENCE_MS_MAX });
  const tail = connectRedis(options.redis, { connectionName: 'weir-catalog-tail' });
  const view = new RedisCatalogView(redis, tail, options);
  try {
    await view.start();
  } catch (error) {
    await view.close();
    throw error;
  }
  return view;
}

/**
 * The catalog as one process sees it. All state changes synchronously, one whole version at a time: whoever reads
 * several objects in one turn of the event loop sees them of one version.
 *
 * Changes come from two readers of the same stream, the blocking one and `catchUp`; each entry is taken once, by its
 * id. Where the stream has a gap (it was trimmed), or a version is too large, the whole is read anew.
 */
export class RedisCatalogView implements CatalogView {
  readonly #store: CatalogStore;
  readonly #tail: StreamTail;
  readonly #log: CatalogLog | undefined;
  readonly #tables = new Tables();
  readonly #customers: CustomerCache;
  readonly #loader: CustomerLoader;
  #version = -1;
  #epochMs = 0;
  #shards = 0;
  #lastEntryId = '0-0';
  /** True while the version in force is a large one whose changes are still being written to the stream. */
  #folding = false;
  /** Changes of the next version, of which more are to come. */
  #pending: OutboxChange[] = [];
  #reloading: Promise<void> | undefined;
  readonly #catchUp = new SharedRun(() => this.#catchUpOnce());
  #following: Promise<void> | undefined;
  #closed = false;
  #failures = 0;

  /** For `openCatalogView`. */
  constructor(redis: RedisClient, tail: RedisClient, options: CatalogViewOptions) {
    this.#store = new CatalogStore(redis);
    this.#tail = new StreamTail(tail);
    this.#log = options.log;
    this.#customers = new CustomerCache(options.customerBytesMax ?? CUSTOMER_CACHE_BYTES_MAX);
    this.#loader = new CustomerLoader(this.#store, this.#customers, async (version) => {
      if (version > this.#version) await this.catchUp();
    });
    for (const connection of [redis, tail]) {
      connection.on('error', (error) => this.#log?.warn({ error }, 'the catalog cannot reach Redis'));
    }
  }

  get version(): number {
    return this.#version;
  }

  /** When the catalog was made, ms since 1970. */
  get epochMs(): number {
    return this.#epochMs;
  }

  get shards(): number {
    return this.#shards;
  }

  /** Customers and absences kept now. */
  get cachedCustomers(): number {
    return this.#customers.size;
  }

  /** Times the stream of changes was lost since the start, and attempts in vain to read it again. */
  get failures(): number {
    return this.#failures;
  }

  meter(id: string): Meter | undefined {
    return this.#tables.meter.get(id);
  }

  feature(id: string): Feature | undefined {
    return this.#tables.feature.get(id);
  }

  plan(id: string): Plan | undefined {
    return this.#tables.plan.get(id);
  }

  addon(id: string): Addon | undefined {
    return this.#tables.addon.get(id);
  }

  metersOfType(eventType: string): readonly Meter[] {
    return this.#tables.metersOfType(eventType);
  }

  features(): Iterable<Feature> {
    return this.#tables.features;
  }

  plans(): Iterable<Plan> {
    return this.#tables.plan.ordered();
  }

  addons(): Iterable<Addon> {
    return this.#tables.addon.ordered();
  }

  customer(id: string): Customer | null | undefined {
    return this.#customers.get(id);
  }

  terms(id: string): CustomerTerms | null | undefined {
    return this.#customers.terms(id);
  }

  /** @throws the client's errors when Redis is away, WeirError `overloaded` when too many customers are asked for. */
  loadCustomer(id: string): Promise<Customer | null> {
    return this.#loader.load(id);
  }

  authenticate(rawKey: string): ApiKey | undefined {
    if (rawKey.length > RAW_KEY_CHARS_MAX) return undefined;
    return this.#tables.keyByHash(sha256Hex(rawKey));
  }

  /** Loads the whole and begins to follow. */
  async start(): Promise<void> {
    await this.#reload(false);
    this.#following = this.#follow();
  }

  /** Stops following; look-ups go on answering what was known. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#tail.close();
    this.#store.redis.disconnect();
    await this.#following;
  }

  catchUp(): Promise<number> {
    return this.#catchUp.run();
  }

  async #catchUpOnce(): Promise<number> {
    await this.#reloading;
    const { redis } = this.#store;
    const known = this.#version;
    for (;;) {
      const [[version, epoch], reply] = await Promise.all([
        redis.hmget(CATALOG_META_KEY, 'version', 'epoch'),
        redis.xrange(CATALOG_OUTBOX_KEY, `(${this.#lastEntryId}`, '+', 'COUNT', READ_ENTRIES_MAX),
      ]);
      const entries = readEntries(reply);
      const whole = this.#take(entries);
      if (whole && entries.length === READ_ENTRIES_MAX) continue;
      const inForce = Number(version ?? -1);
      // Trimmed away, lost by a failover, or made anew: the stream does not lead from here to there.
      const sameCatalog = Number(epoch) === this.#epochMs && inForce >= known;
      if (!whole || !sameCatalog || inForce > this.#version) await this.#reload(sameCatalog);
      return this.#version;
    }
  }

  /** @param sameCatalog false when versions of before mean nothing any more. */
  #reload(sameCatalog: boolean): Promise<void> {
    this.#reloading ??= this.#reloadOnce(sameCatalog).finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async #reloadOnce(sameCatalog: boolean): Promise<void> {
    const whole = await this.#store.readWhole(TABLE_TYPES);
    const same = sameCatalog && whole.epochMs === this.#epochMs && whole.version >= this.#version;
    this.#tables.replace(whole.types);
    this.#customers.reset(same);
    this.#loader.forget();
    this.#pending = [];
    this.#version = whole.version;
    this.#epochMs = whole.epochMs;
    this.#shards = whole.shards;
    this.#lastEntryId = whole.lastOutboxId;
    this.#folding = whole.folding;
  }

  /** Follows the stream until closed; after a lost connection nothing of before is trusted. */
  async #follow(): Promise<void> {
    let lost = false;
    while (!this.#closed) {
      try {
        if (lost) await this.#reload(false);
        lost = false;
        if (this.#folding) await this.#passFold();
        const entries = await this.#tail.read(this.#lastEntryId);
        await this.#reloading;
        if (!this.#take(entries)) await this.#reload(true);
      } catch (error) {
        if (this.#closed) return;
        this.#failures++;
        if (!lost) this.#log?.warn({ error }, 'the catalog lost its stream of changes');
        lost = true;
        await delay(RETRY_PAUSE_MS);
      }
    }
  }

  /** Lets the stream's entries of a large version go by: they are known already, and would be read in vain. */
  async #passFold(): Promise<void> {
    const { version } = this;
    for (;;) {
      await delay(FOLD_POLL_MS);
      await this.#reloading;
      const head = await this.#store.head();
      if (this.#version !== version || head.version !== version) return;
      if (head.folding) continue;
      if (compareEntryIds(head.lastOutboxId, this.#lastEntryId) > 0) this.#lastEntryId = head.lastOutboxId;
      this.#folding = false;
      return;
    }
  }

  /** Takes entries that follow on what is known. @returns false at a gap, or where a version is to be read whole. */
  #take(entries: readonly OutboxChange[]): boolean {
    if (this.#reloading !== undefined) return true;
    for (const entry of entries) {
      if (compareEntryIds(entry.entryId, this.#lastEntryId) <= 0) continue;
      if (entry.version === this.#version && entry.total > VERSION_CHANGES_MAX) {
        // A large version, read whole, of which the stream now brings the parts.
        this.#lastEntryId = entry.entryId;
        continue;
      }
      // An older version behind a newer one: the stream of another catalog in this one's place.
      const follows = entry.version === this.#version + 1 && entry.index === this.#pending.length;
      if (!follows || entry.total > VERSION_CHANGES_MAX) return false;
      this.#pending.push(entry);
      if (this.#pending.length === entry.total) this.#applyPending(entry.version);
      this.#lastEntryId = entry.entryId;
    }
    return true;
  }

  #applyPending(version: number): void {
    const changed = new Set<TableType>();
    for (const { json } of this.#pending) {
      const { type, id, after } = readChange(json);
      if (isTableType(type)) {
        this.#tables.put(type, id, after);
        changed.add(type);
      } else {
        this.#loader.invalidate(id, version);
        if (this.#customers.terms(id) === undefined) continue;
        if (after === null) this.#customers.setAbsent(id);
        else this.#customers.setPresent(id, after);
      }
    }
    this.#tables.derive(changed);
    this.#pending = [];
    this.#version = version;
  }
}
