import {
  type CatalogRegistry,
  ChargedLimits,
  type LostHolder,
  type WeirEngine,
  WeirError,
  windowStarts,
} from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import { readCharges, readExtent } from './lost-ledger.js';
import type { RebuildMetrics } from './metrics.js';

/** Customers of one page: what is in memory at a time. */
const PAGE_CUSTOMERS = 200;
/** Waits for the ledger, of 20 s each: a sink with a backlog takes its time. */
const LEDGER_WAITS_MAX = 30;

/** Why nothing can be rebuilt as things are. */
class Refusal extends Error {}

/** How far a rebuild is. */
export interface RebuildState {
  readonly status: 'idle' | 'running' | 'done' | 'failed';
  readonly step: RebuildStep;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Shards without a state when it began; empty: nothing was lost. */
  readonly shards: readonly string[];
  /** Catalog objects that came back. */
  readonly objects: number;
  readonly customers: number;
  readonly customersTotal: number;
  /** Why it failed, '' otherwise. */
  readonly reason: string;
}

export type RebuildStep = 'catalog' | 'ledger' | 'counters' | 'shards';

export interface RebuilderDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  readonly registry: CatalogRegistry;
  readonly engine: Pick<WeirEngine, 'counterRestorer' | 'view'>;
  /** Brings the catalog back where it is gone. @returns how many objects came back. */
  readonly restoreCatalog: () => Promise<number>;
  /** Resolves when the ledger has all that JetStream has. @throws WeirError `ledger_behind` */
  readonly waitForStream: () => Promise<void>;
  readonly metrics: RebuildMetrics;
  readonly log: Pick<Logger, 'info' | 'error'>;
}

/**
 * Makes Redis anew from catalog and ledger after its loss. The steps, and what is left behind when the process dies:
 *
 *  1 catalog   from its audit trail, where it is gone            → engine/catalog/restore.ts: the next goes on
 *  2 ledger    wait until the sink has booked all that JetStream has; what comes later is of a new life
 *  3 counters  the holders of every customer of a lost shard, by pages → written again, with the same numbers: while the
 *              shard has no state nothing is charged, so the ledger stands still
 *  4 shards    each gets its state, under an epoch that no fact has: from here on it decides
 *
 * A shard that decides is never written to, which the script checks in the same step; so it is safe to run this twice, at
 * once or one after the other. Until step 4 checks are answered by their limits' `onUnavailable`.
 */
export class Rebuilder {
  readonly #dependencies: RebuilderDependencies;
  #state: RebuildState = {
    ...{ status: 'idle', step: 'catalog', startedAt: null, endedAt: null, shards: [], objects: 0 },
    ...{ customers: 0, customersTotal: 0, reason: '' },
  };
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(dependencies: RebuilderDependencies) {
    this.#dependencies = dependencies;
  }

  get state(): RebuildState {
    return this.#state;
  }

  /** Begins, unless one is under way. @param actor who asks, for the log. @returns how far it is. */
  start(actor: string): RebuildState {
    if (this.#running === undefined) {
      this.#dependencies.log.info({ actor }, 'Redis is rebuilt from the ledger');
      this.#state = {
        ...{ status: 'running', step: 'catalog', startedAt: new Date().toISOString(), endedAt: null, shards: [] },
        ...{ objects: 0, customers: 0, customersTotal: 0, reason: '' },
      };
      this.#running = this.#run(actor).finally(() => {
        this.#running = undefined;
      });
    }
    return this.#state;
  }

  /** Ends the wait for the ledger, if one is under way. Nothing else is waited for: dying is safe at every step. */
  stop(): void {
    this.#stopped = true;
  }

  async #waitForLedger(): Promise<void> {
    for (let wait = 1; ; wait++) {
      try {
        await this.#dependencies.waitForStream();
        return;
      } catch (error) {
        const isBehind = error instanceof WeirError && error.code === 'ledger_behind';
        if (!isBehind || this.#stopped || wait === LEDGER_WAITS_MAX) throw error;
      }
    }
  }

  async #run(actor: string): Promise<void> {
    const { metrics, log } = this.#dependencies;
    try {
      await this.#rebuild();
      this.#end('done', '');
      const { shards, objects, customers } = this.#state;
      log.info({ actor, shards, objects, customers }, 'Redis is rebuilt');
    } catch (error) {
      metrics.failures.inc();
      // The operator's answer, as other answers: a code, or where to look.
      this.#end(
        'failed',
        error instanceof WeirError || error instanceof Refusal ? error.message : 'see the log of the control plane',
      );
      log.error({ actor, error }, 'Redis could not be rebuilt: it can be asked for again');
    }
  }

  async #rebuild(): Promise<void> {
    const { registry, engine, restoreCatalog, clickhouse } = this.#dependencies;
    const isThere = await registry.exists();
    if (!isThere) {
      this.#at({ step: 'ledger' });
      await this.#waitForLedger();
      this.#at({ step: 'catalog' });
      this.#at({ objects: await restoreCatalog() });
    }
    await engine.view.catchUp();
    const { uninitialised: shards } = await registry.ensureFenced();
    this.#at({ step: 'ledger', shards });
    if (shards.length === 0) return;
    const withFacts = await engine.counterRestorer().withFacts(shards);
    if (withFacts.length > 0) throw new Refusal(`${withFacts.join(', ')} has facts in its outbox: Redis was not lost`);
    await this.#waitForLedger();
    this.#at({ step: 'counters', customersTotal: await registry.countObjects('customer') });
    await this.#restoreCounters(new Set(shards));
    this.#at({ step: 'shards' });
    const { epochMs } = await readExtent(clickhouse);
    for (const shard of shards) await registry.openShard(shard, epochMs);
  }

  async #restoreCounters(shards: ReadonlySet<string>): Promise<void> {
    const { registry, engine, metrics } = this.#dependencies;
    const restorer = engine.counterRestorer();
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await registry.listIds('customer', {
        limit: PAGE_CUSTOMERS,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const byShard = new Map<string, LostHolder[]>();
      for (const id of page.ids) {
        const shard = restorer.shardOf(id);
        if (!shards.has(shard)) continue;
        const holders = byShard.get(shard) ?? [];
        byShard.set(shard, holders);
        holders.push(...(await restorer.holdersOf(id)));
      }
      const charged = await this.#chargesOf([...byShard.values()].flat());
      for (const [shard, holders] of byShard) await restorer.write(shard, holders, charged);
      metrics.customers.inc(page.ids.length);
      this.#at({ customers: this.#state.customers + page.ids.length });
      cursor = page.cursor;
    }
  }

  async #chargesOf(holders: readonly LostHolder[]): Promise<ChargedLimits> {
    if (holders.length === 0) return new ChargedLimits([]);
    const customers = [...new Set(holders.map(({ customer }) => customer))];
    const starts = new Set(holders.flatMap(windowStarts));
    return new ChargedLimits(await readCharges(this.#dependencies.clickhouse, customers, starts));
  }

  #at(change: Partial<RebuildState>): void {
    this.#state = { ...this.#state, ...change };
  }

  #end(status: 'done' | 'failed', reason: string): void {
    this.#at({ status, reason, endedAt: new Date().toISOString() });
  }
}
