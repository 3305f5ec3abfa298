import type { ObjectType } from '../contract/catalog.js';
import { WeirError } from '../contract/errors.js';
import { CATALOG_META_KEY, CATALOG_OUTBOX_KEY, catalogObjectsKey, shardName, shardStateKey } from '../store/keys.js';
import { CLASSES_KEY, indexKey, overlayKey } from './catalog-keys.js';
import { LuaScript, listReply, numberReply, type RedisClient, textReply } from './redis.js';
import { decodeStored, type StoredText } from './stored.js';

/** Objects of one read. */
export const READ_OBJECTS_MAX = 1_000;

const scripts = {
  read: new LuaScript('read-catalog'),
  readObjects: new LuaScript('read-objects'),
  fence: new LuaScript('fence-shard'),
  raise: new LuaScript('raise-catalog'),
  initialise: new LuaScript('initialise-catalog'),
  initialiseShard: new LuaScript('initialise-shard'),
};

/** Where the catalog stands, read together with what comes with it. */
export interface CatalogHead {
  readonly version: number;
  /** Version of the last change of a meter, feature, plan or add-on. */
  readonly definitionsVersion: number;
  /** When this catalog was made, ms since 1970: another epoch is another Redis. */
  readonly epochMs: number;
  readonly shards: number;
  /** Redis's clock. */
  readonly nowMs: number;
  /** Id of the last entry of the outbox. */
  readonly lastOutboxId: string;
  /** True while a large set is in force but not folded into the objects: scans and lists do not see it yet. */
  readonly folding: boolean;
}

export interface WholeTypes<T extends ObjectType> extends CatalogHead {
  readonly types: ReadonlyMap<T, ReadonlyMap<string, StoredText>>;
  /** Customer class → customers; empty unless asked for. */
  readonly classes: ReadonlyMap<string, number>;
}

export interface InitialisedHead extends Pick<CatalogHead, 'version' | 'shards' | 'epochMs'> {
  readonly created: boolean;
  readonly initialising: boolean;
}

export interface FenceOutcome {
  readonly version: number;
  /** The greatest version that a shard insists on: past `version` where another writer came first, or changes were lost. */
  readonly greatest: number;
  /** Shards without a state: they decide nothing until they are rebuilt. */
  readonly uninitialised: readonly string[];
}

const noCatalog = (): WeirError => new WeirError('uninitialised', 'no catalog');

export class CatalogStore {
  readonly redis: RedisClient;

  constructor(redis: RedisClient) {
    this.redis = redis;
  }

  /** Whole types at one version. @throws WeirError `uninitialised` where there is no catalog. */
  async readWhole<T extends ObjectType>(types: readonly T[], withClasses = false): Promise<WholeTypes<T>> {
    const keys = types.flatMap((type) => [catalogObjectsKey(type), overlayKey(type)]);
    const args = [withClasses ? 1 : 0];
    const reply = await scripts.read.run(
      this.redis,
      [CATALOG_META_KEY, CATALOG_OUTBOX_KEY, CLASSES_KEY, ...keys],
      args,
    );
    const [version, definitions, epoch, shards, now, lastOutboxId, folding, classes, ...flats] = listReply(reply);
    if (version === undefined) throw noCatalog();
    return {
      version: numberReply(version),
      definitionsVersion: numberReply(definitions),
      epochMs: numberReply(epoch),
      shards: numberReply(shards),
      nowMs: numberReply(now),
      lastOutboxId: textReply(lastOutboxId),
      folding: folding === '1',
      classes: flatMap(listReply(classes), numberReply),
      types: new Map(
        types.map((type, at) => [type, flatMap(listReply(flats[at]), (json) => decodeStored(textReply(json)))]),
      ),
    };
  }

  /** @throws WeirError `uninitialised` where there is no catalog. */
  head(): Promise<CatalogHead> {
    return this.readWhole([]);
  }

  /** Some objects of one type at one version, null where there is none; at most READ_OBJECTS_MAX. */
  async readObjects(
    type: ObjectType,
    ids: readonly string[],
  ): Promise<{ version: number; objects: (StoredText | null)[] }> {
    const keys = [CATALOG_META_KEY, catalogObjectsKey(type), overlayKey(type)];
    const [version, ...objects] = listReply(await scripts.readObjects.run(this.redis, keys, ids));
    if (version === undefined) throw noCatalog();
    return {
      version: numberReply(version),
      objects: ids.map((_, at) => (typeof objects[at] === 'string' ? decodeStored(objects[at]) : null)),
    };
  }

  /** All objects of one type, by and by: not of one version unless the version is the same before and after. */
  async *scan(type: ObjectType): AsyncGenerator<readonly (readonly [string, StoredText])[]> {
    let cursor = '0';
    do {
      const [next, flat] = await this.redis.hscan(catalogObjectsKey(type), cursor, 'COUNT', READ_OBJECTS_MAX);
      cursor = next;
      yield [...flatMap(flat, (json) => decodeStored(textReply(json)))];
    } while (cursor !== '0');
  }

  /** Ids of a type in order, after `after`. */
  async listIds(type: ObjectType, after: string | undefined, limit: number): Promise<string[]> {
    const from = after === undefined ? '-' : `(${after}`;
    return await this.redis.zrange(indexKey(type), from, '+', 'BYLEX', 'LIMIT', 0, limit);
  }

  /** How many ids of a type there are. */
  async countIds(type: ObjectType): Promise<number> {
    return await this.redis.zcard(indexKey(type));
  }

  /** Raises every shard's fence to the version in force. */
  async fence(head: Pick<CatalogHead, 'version' | 'shards'>): Promise<FenceOutcome> {
    const shards = Array.from({ length: head.shards }, (_, index) => shardName(index));
    const replies = await Promise.all(
      shards.map((shard) => scripts.fence.run(this.redis, [shardStateKey(shard)], [head.version])),
    );
    const fences = replies.map((reply) => listReply(reply).map(numberReply));
    return {
      version: head.version,
      greatest: Math.max(head.version, ...fences.map(([, version = 0]) => version)),
      uninitialised: shards.filter((_, at) => fences[at]?.[0] !== 1),
    };
  }

  /** Takes the catalog past a version that shards insist on, unless it is as far by now. @returns the version in force. */
  async raise(fenced: number): Promise<number> {
    return numberReply(await scripts.raise.run(this.redis, [CATALOG_META_KEY], [fenced]));
  }

  /** Makes an empty catalog where there is none, marked `initialising` until its shards are made too. */
  async initialise(shards: number): Promise<InitialisedHead> {
    const reply = listReply(await scripts.initialise.run(this.redis, [CATALOG_META_KEY], [shards]));
    const [created = 0, version = 0, stored = 0, epochMs = 0, initialising = 0] = reply.map(numberReply);
    return { created: created === 1, version, shards: stored, epochMs, initialising: initialising === 1 };
  }

  /** Makes the states of the shards that have none, then takes the mark away. */
  async initialiseShards(head: InitialisedHead): Promise<void> {
    for (let index = 0; index < head.shards; index++) {
      await this.initialiseShard(shardName(index), head.epochMs, 0);
    }
    await this.redis.hdel(CATALOG_META_KEY, 'initialising');
  }

  /** Makes the state of a shard where it has none: from then on it decides. */
  async initialiseShard(shard: string, epochMs: number, version: number): Promise<void> {
    await scripts.initialiseShard.run(this.redis, [shardStateKey(shard)], [epochMs, version]);
  }

  /** True where there is a catalog that can be read: also one whose shards have lost their states. */
  async exists(): Promise<boolean> {
    const [version, restoring] = await this.redis.hmget(CATALOG_META_KEY, 'version', 'restoring');
    return typeof version === 'string' && restoring === null;
  }

  /** Names of the shards that have a state. */
  async shardsWithState(shards: number): Promise<string[]> {
    const names = Array.from({ length: shards }, (_, index) => shardName(index));
    const exist = await Promise.all(names.map((name) => this.redis.exists(shardStateKey(name))));
    return names.filter((_, at) => exist[at] === 1);
  }
}

function flatMap<V>(flat: readonly unknown[], read: (value: unknown) => V): Map<string, V> {
  const map = new Map<string, V>();
  for (let at = 0; at + 1 < flat.length; at += 2) map.set(textReply(flat[at]), read(flat[at + 1]));
  return map;
}
