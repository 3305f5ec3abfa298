import { setTimeout as delay } from 'node:timers/promises';
import type { ObjectType } from '../contract/catalog.js';
import { CATALOG_META_KEY } from '../store/keys.js';
import { ClassDeltas, classOfText } from './classes.js';
import { commitChanges, foldAll } from './commit-changes.js';
import { isDefinition, parseStoredBody, storedText } from './objects.js';
import { LuaScript, listReply, numberReply, type RedisClient } from './redis.js';
import type { ObjectChange } from './stored.js';

/** Versions that are left out: more changes than can have been on their way to the audit trail when Redis was lost. */
const VERSIONS_SKIPPED = 1_000;
/** Another process restores as well: its step is waited for. */
const CONFLICT_PAUSE_MS = 50;
const ACTOR = 'rebuild';

const begin = new LuaScript('begin-restore');

/** An object as the audit trail has it last. */
export interface LostObject {
  readonly type: ObjectType;
  readonly id: string;
  readonly owner: string;
  /** As JSON gave it. */
  readonly body: unknown;
}

/** What the ledger knows of a catalog that is gone. */
export interface LostCatalog {
  /** The greatest that a change or a fact names. */
  readonly version: number;
  /** The greatest that a row names, ms since 1970. */
  readonly epochMs: number;
  readonly objects: readonly LostObject[];
}

/**
 * Makes a catalog that is gone anew from its audit trail, one version for each owner. The steps, each of which can be
 * repeated by whoever comes next:
 *
 *   head, marked as being restored ─► objects of one owner after the other ─► folded ─► the mark goes: it is read
 *
 * The version begins past all that anybody has seen, and the epoch is a new one: so every gateway reads the whole anew.
 * The shards stay without a state: they decide nothing until their counters are rebuilt.
 *
 * @returns how many objects came back; 0 where there is a catalog.
 */
export async function restoreCatalog(redis: RedisClient, lost: LostCatalog, shards: number): Promise<number> {
  const owners = [...new Set(lost.objects.map(({ owner }) => owner))].sort();
  const args = [shards, lost.version + VERSIONS_SKIPPED, lost.epochMs];
  let restored = 0;
  for (;;) {
    const reply = listReply(await begin.run(redis, [CATALOG_META_KEY], args)).map(numberReply);
    const [base = -1, version = 0, nowMs = 0, stored = shards, epochMs = 0] = reply;
    if (base === -1) return restored;
    const owner = owners[version - base];
    await foldAll(redis);
    if (owner === undefined) {
      await redis.hdel(CATALOG_META_KEY, 'restoring');
      return restored;
    }
    const changes = lost.objects.filter((object) => object.owner === owner).map(changeOf);
    const head = {
      ...{ version, definitionsVersion: version, epochMs, shards: stored, nowMs },
      ...{ lastOutboxId: '0-0', folding: false },
    };
    const { status } = await commitChanges(redis, {
      ...{ head, token: `restore-${process.pid}-${nowMs}`, owner, actor: ACTOR, changes },
      classDeltas: deltasOf(owner, changes),
      definitionsChange: changes.some(({ type }) => isDefinition(type)),
    });
    if (status === 'committed') restored += changes.length;
    else await delay(CONFLICT_PAUSE_MS);
  }
}

const changeOf = ({ type, id, body }: LostObject): ObjectChange => ({
  ...{ type, id, before: null },
  after: storedText(type, parseStoredBody(type, body)),
});

function deltasOf(owner: string, changes: readonly ObjectChange[]): [string, number][] {
  const deltas = new ClassDeltas();
  for (const { type, after } of changes) {
    if (type === 'customer' && after !== null) deltas.add(classOfText(owner, after), 1);
  }
  return deltas.entries();
}
