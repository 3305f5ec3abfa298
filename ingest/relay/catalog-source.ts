import { CATALOG_SHARD } from '../../engine/contract/fact.js';
import type { RedisClient } from '../../engine/store/cluster.js';
import { CATALOG_META_KEY } from '../../engine/store/keys.js';
import {
  compareOutboxIds,
  formatOutboxId,
  OUTBOX_START,
  Outbox,
  type OutboxId,
  parseOutboxId,
} from '../../engine/store/outbox.js';
import type { RelaySource } from './relay.js';

/** Where the relay stands in the stream of catalog changes. */
export const CATALOG_RELAYED_KEY = '{catalog}:relayed';

/** Changes that stay in Redis after they were relayed, for gateways that catch up by them. */
export const CATALOG_CHANGES_KEPT = 10_000;
/** Ids are remembered this many changes apart, so that trimming goes by whole steps. */
const STEP = 1_000;

/**
 * The catalog's outbox is read by every gateway as well, so it is not emptied: it keeps its latest 10 000 changes, and
 * the relay's place in it is a key. Only changes that were relayed are ever removed.
 */
export class CatalogSource implements RelaySource {
  readonly shard = CATALOG_SHARD;
  readonly outbox: Outbox;
  readonly #redis: RedisClient;
  /** Ids of relayed changes, one in STEP, oldest first. */
  #marks: OutboxId[] = [];
  #sinceMark = 0;
  #counted: OutboxId = OUTBOX_START;

  constructor(redis: RedisClient, blocking: RedisClient) {
    this.#redis = redis;
    this.outbox = Outbox.ofCatalog(redis, blocking);
  }

  /** Epoch of the catalog: field `epoch` of its meta; null before the catalog was initialised. */
  async epoch(): Promise<number | null> {
    const text = await this.#redis.hget(CATALOG_META_KEY, 'epoch');
    return text === null ? null : Number(text);
  }

  async resumeFrom(): Promise<OutboxId> {
    const text = await this.#redis.get(CATALOG_RELAYED_KEY);
    return text === null ? OUTBOX_START : parseOutboxId(text);
  }

  async acknowledge(through: OutboxId): Promise<void> {
    await this.#redis.set(CATALOG_RELAYED_KEY, formatOutboxId(through));
    await this.#countThrough(through);
    const keptSteps = CATALOG_CHANGES_KEPT / STEP;
    if (this.#marks.length <= keptSteps + 1) return;
    const remove = this.#marks.splice(0, this.#marks.length - keptSteps).at(-1);
    if (remove !== undefined) await this.outbox.removeThrough(remove);
  }

  /** Walks the ids that were relayed since the last call; after a start, all that the stream still has. */
  async #countThrough(through: OutboxId): Promise<void> {
    while (compareOutboxIds(this.#counted, through) < 0) {
      const ids = await this.outbox.idsBetween(this.#counted, through, STEP);
      for (const id of ids) {
        this.#counted = id;
        this.#sinceMark += 1;
        if (this.#sinceMark === STEP) {
          this.#marks.push(id);
          this.#sinceMark = 0;
        }
      }
      if (ids.length < STEP) this.#counted = through;
    }
  }
}
