import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createEngine, type WeirEngine } from '../../../engine/index.js';
import { assetPath } from '../../../engine/platform/assets.js';
import type { Config } from '../../../engine/platform/config.js';
import { type Home, writePrivateFile } from '../home.js';
import { sampleCatalog } from './catalog.js';
import { population, type SampleCustomer } from './population.js';
import { seededRandom } from './random.js';
import { SLOT_MS, slotUsage } from './usage.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const SEED = 20_261_124;
/** The catalog of a Weir that was given none. */
export const SAMPLE_CATALOG = 'engine/catalog/sample.yaml';
/** Nobody waits for these answers, and a busy machine may take its time. */
const STORE_TIMEOUT_MS = 30_000;

export interface SampleOptions {
  readonly customers: number;
  readonly days: number;
}

/** What stands in `WEIR_HOME/sample.json`: which sample this is, and how far it was loaded. */
const stateSchema = z.object({
  customers: z.int(),
  days: z.int(),
  endMs: z.int(),
  /** Start of the first slot that is not loaded yet. */
  nextMs: z.int(),
});
type SampleState = z.infer<typeof stateSchema>;

/** Where a WEIR_HOME with a sample has its catalog. */
export const sampleCatalogFile = (home: Home): string => join(home.path, 'sample.yaml');
const stateFile = (home: Home): string => join(home.path, 'sample.json');

/**
 * Customers with a past, for a look at every page: their usage is decided by the engine as if it were those days, by an
 * injected clock, so that counters, windows, denials and facts are what they would be.
 *
 *   1 write the catalog, then the state        cut off: an empty WEIR_HOME with a catalog of ours, begun again
 *   2 for each slot of four hours: decide all of its usage, ids of its own
 *   3 write down that it is done               cut off between: the slot is decided again, and its ids are known
 *
 * The ids of a slot last for a day of the injected clock, so that what is decided twice is charged once.
 */
export class Sample {
  readonly #home: Home;
  readonly #state: SampleState;
  readonly #customers: readonly SampleCustomer[];

  private constructor(home: Home, state: SampleState) {
    this.#home = home;
    this.#state = state;
    this.#customers = population(state.customers, state.days, state.endMs, seededRandom(SEED));
  }

  /**
   * The sample of this WEIR_HOME, begun where it is new. Writes its catalog, to be called before anything starts.
   * @throws Error for a WEIR_HOME, a catalog or services that are the user's own.
   */
  static prepare(home: Home, config: Config, options: SampleOptions, nowMs: number): Sample {
    if (existsSync(stateFile(home))) {
      return new Sample(home, stateSchema.parse(JSON.parse(readFileSync(stateFile(home), 'utf8'))));
    }
    const own = Object.entries({
      WEIR_CATALOG: config.catalog,
      REDIS_URL: config.redisUrl,
      NATS_URL: config.natsUrl,
      CLICKHOUSE_URL: config.clickhouseUrl,
    }).find(([, value]) => value !== undefined);
    if (own !== undefined) throw new Error(`--sample fills a Weir of its own: start it without ${own[0]}`);
    if (readdirSync(home.redisFolder).length > 0) {
      throw new Error(`--sample fills a new Weir, and ${home.path} has data: name another folder by WEIR_HOME`);
    }
    // The last whole slot: what happens from now on is yours.
    const endMs = Math.floor(nowMs / SLOT_MS) * SLOT_MS;
    const sample = new Sample(home, { ...options, endMs, nextMs: endMs - options.days * DAY_MS });
    writePrivateFile(sampleCatalogFile(home), sampleCatalog(assetPath(SAMPLE_CATALOG), sample.#customers));
    sample.#write(sample.#state.nextMs);
    return sample;
  }

  get isLoaded(): boolean {
    return this.#state.nextMs >= this.#state.endMs;
  }

  /** Decides what is left of the usage. @param onProgress hears the share that is done, 0 to 1. */
  async load(redisUrl: string, onProgress: (share: number) => void): Promise<void> {
    let clockMs = this.#state.nextMs;
    const engine = await createEngine({
      redis: redisUrl,
      clockMs: () => clockMs,
      storeTimeoutMs: STORE_TIMEOUT_MS,
      storeFateMs: STORE_TIMEOUT_MS,
    });
    try {
      const { startMs, endMs } = this.#range();
      for (; clockMs < endMs; clockMs += SLOT_MS) {
        await this.#decide(engine, clockMs);
        this.#write(clockMs + SLOT_MS);
        onProgress((clockMs + SLOT_MS - startMs) / (endMs - startMs));
      }
    } finally {
      await engine.close();
    }
  }

  async #decide(engine: WeirEngine, atMs: number): Promise<void> {
    // A seed for each slot, so that one that is decided again asks the same.
    const { events, checks } = slotUsage(this.#customers, atMs, this.#range(), seededRandom(SEED + atMs / SLOT_MS));
    const [told, asked] = await Promise.all([engine.record(events), engine.checkMany(checks, false)]);
    const failed =
      told.find((outcome) => outcome.status === 'rejected') ?? asked.find((outcome) => outcome.status === 'failed');
    if (failed !== undefined) throw new Error(`the sample was not taken: ${failed.message}`);
  }

  #range(): { startMs: number; endMs: number } {
    const { endMs, days } = this.#state;
    return { startMs: endMs - days * DAY_MS, endMs };
  }

  #write(nextMs: number): void {
    this.#state.nextMs = nextMs;
    writePrivateFile(stateFile(this.#home), `${JSON.stringify(this.#state)}\n`);
  }
}
