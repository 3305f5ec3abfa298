import type { RedisClient } from '../store/cluster.js';
import { customerHolder, entityHolder, holderKey, shardName } from '../store/keys.js';
import { ENTITIES } from './random-catalog.js';

/** What a decision could leave in Redis beside the outbox: the state of a customer and its entities, and any new key. */
export class Traces {
  readonly #redis: RedisClient;
  readonly #keys: readonly string[];
  #states: readonly (Buffer | null)[] = [];
  #keyCount = 0;

  constructor(redis: RedisClient, customer: string) {
    this.#redis = redis;
    const holders = [customerHolder(customer), ...ENTITIES.map((entity) => entityHolder(customer, entity))];
    this.#keys = holders.map((holder) => holderKey(shardName(0), holder));
  }

  async look(): Promise<void> {
    this.#states = await this.#redis.mgetBuffer(...this.#keys);
    this.#keyCount = await this.#redis.dbsize();
  }

  /** True when all is as it was at the last look; the outbox may have come to be. */
  async areNone(): Promise<boolean> {
    const states = await this.#redis.mgetBuffer(...this.#keys);
    const isSame = states.every((state, index) => {
      const before = this.#states[index] ?? null;
      return state === null || before === null ? state === before : state.equals(before);
    });
    return isSame && (await this.#redis.dbsize()) <= this.#keyCount;
  }
}
