import type { RedisClient } from '../store/cluster.js';
import { customerHolder, entityHolder, holderKey, shardName, shardOf } from '../store/keys.js';
import { ENTITIES } from './random-catalog.js';
import { atMasters, shardsOf } from './servers.js';

/**
 * What a decision could leave in Redis beside the outbox: the state of a customer and its entities, and any new key that
 * lasts. A call's reply, kept in case the call is sent again, does not.
 */
export class Traces {
  readonly #redis: RedisClient;
  readonly #keys: readonly string[];
  #states: readonly (Buffer | null)[] = [];
  #keyCount = 0;

  constructor(redis: RedisClient, customer: string) {
    this.#redis = redis;
    const holders = [customerHolder(customer), ...ENTITIES.map((entity) => entityHolder(customer, entity))];
    const shard = shardName(shardOf(customer, shardsOf(redis)));
    this.#keys = holders.map((holder) => holderKey(shard, holder));
  }

  async look(): Promise<void> {
    this.#states = await this.#redis.mgetBuffer(...this.#keys);
    this.#keyCount = await this.#countKeys();
  }

  /** True when all is as it was at the last look; the outbox may have come to be. */
  async areNone(): Promise<boolean> {
    const states = await this.#redis.mgetBuffer(...this.#keys);
    const isSame = states.every((state, index) => {
      const before = this.#states[index] ?? null;
      return state === null || before === null ? state === before : state.equals(before);
    });
    return isSame && (await this.#countKeys()) <= this.#keyCount;
  }

  async #countKeys(): Promise<number> {
    const infos = await atMasters(this.#redis, (master) => master.info('keyspace'));
    return infos.reduce((sum, info) => {
      const [, keys = 0, ending = 0] = /keys=(\d+),expires=(\d+)/.exec(info) ?? [];
      return sum + Number(keys) - Number(ending);
    }, 0);
  }
}
