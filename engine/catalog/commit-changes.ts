import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { WeirError } from '../contract/errors.js';
import { CATALOG_META_KEY, CATALOG_OUTBOX_KEY } from '../store/keys.js';
import {
  CLASSES_KEY,
  FOLD_LOG_KEY,
  INDEX_KEYS,
  OBJECT_KEYS,
  OVERLAY_KEYS,
  STAGE_KEYS,
  STAGE_LOG_KEY,
  typeNumber,
} from './catalog-keys.js';
import type { CatalogHead } from './catalog-store.js';
import { LuaScript, listReply, numberReply } from './redis.js';
import { encodeChange, encodeStored, type ObjectChange } from './stored.js';

/**
 * How a set of edits gets into Redis. It takes one of two ways to its new version. A small one is one script call. A
 * large one would block Redis, so it is staged in parts where nobody looks, made visible by a call whose cost does not
 * depend on its size (flip: readers look into the overlay first), and then folded into the objects in parts:
 *
 *   staging → (flip) → folding → done
 *
 * A writer that dies while staging leaves a stage that the next writer removes once its lease is over. One that dies
 * while folding leaves a valid catalog: any later writer, or the next start, folds the rest.
 */

/** Edits of one script call, and their bytes: some 10 ms of Redis. */
export const CALL_EDITS_MAX = 1_000;
const CALL_BYTES_MAX = 2 * 1024 * 1024;
const FOLD_EDITS_MAX = 500;
/** A stage whose writer gave no sign of life for so long is dead. */
export const STAGE_LEASE_MS = 5_000;
const BUSY_POLL_MS = 25;
/** Longest wait for another writer's large set. */
const BUSY_WAIT_MS_MAX = 60_000;

const scripts = {
  apply: new LuaScript('apply-catalog'),
  stage: new LuaScript('stage-catalog'),
  flip: new LuaScript('flip-catalog'),
  fold: new LuaScript('fold-catalog'),
};

/** Edits that turn the catalog at `head` into its next version. */
export interface ChangeSet {
  readonly head: CatalogHead;
  readonly owner: string;
  readonly actor: string;
  readonly changes: readonly ObjectChange[];
  readonly classDeltas: readonly (readonly [string, number])[];
  readonly definitionsChange: boolean;
}

/** `conflict`: the catalog is at another version by now; read again. */
export type CommitOutcome =
  | { readonly status: 'committed'; readonly version: number }
  | { readonly status: 'conflict' };

type Call = (string | number)[];

/**
 * Writes the edits under one new version. When it resolves they are in force for readers, but not fenced yet.
 * @throws WeirError `overloaded` when another writer's large set does not come to an end, `uninitialised`.
 */
export async function commitChanges(redis: Redis, set: ChangeSet): Promise<CommitOutcome> {
  const stamp = { version: set.head.version + 1, atMs: set.head.nowMs, actor: set.actor, owner: set.owner };
  const calls = packCalls(set.changes, (change) => [
    typeNumber(change.type),
    change.id,
    change.after === null ? '' : encodeStored({ owner: set.owner, version: stamp.version, text: change.after }),
    encodeChange(stamp, change),
  ]);
  const deadlineMs = performance.now() + BUSY_WAIT_MS_MAX;
  for (;;) {
    const [first = [], ...more] = calls;
    const reply = more.length === 0 ? await apply(redis, set, first) : await publish(redis, set, calls);
    switch (reply) {
      case 'unfolded':
        await foldAll(redis);
        break;
      case 'busy':
        if (performance.now() > deadlineMs) throw new WeirError('overloaded', 'another catalog is being loaded');
        await delay(BUSY_POLL_MS);
        break;
      case 'taken':
      case 'conflict':
        return { status: 'conflict' };
      default:
        return { status: 'committed', version: reply };
    }
  }
}

async function apply(redis: Redis, set: ChangeSet, call: Call): Promise<WriteReply> {
  const objects = [...OBJECT_KEYS, ...INDEX_KEYS, ...STAGE_KEYS, STAGE_LOG_KEY];
  const keys = [CATALOG_META_KEY, CATALOG_OUTBOX_KEY, CLASSES_KEY, ...objects];
  const classes = [set.classDeltas.length, ...set.classDeltas.flat()];
  const args = [set.head.version, STAGE_LEASE_MS, set.definitionsChange ? 1 : 0, ...classes, ...call];
  return writeReply(await scripts.apply.run(redis, keys, args));
}

async function publish(redis: Redis, set: ChangeSet, calls: readonly Call[]): Promise<WriteReply> {
  const token = randomUUID();
  let begin = 1;
  for (const call of calls) {
    const args = [token, begin, set.head.version, STAGE_LEASE_MS, ...call];
    const reply = await scripts.stage.run(redis, [CATALOG_META_KEY, STAGE_LOG_KEY, ...STAGE_KEYS], args);
    const staged = writeReply(reply);
    if (typeof staged !== 'number') return staged;
    begin = 0;
  }
  const keys = [CATALOG_META_KEY, CLASSES_KEY, STAGE_LOG_KEY, FOLD_LOG_KEY, ...STAGE_KEYS, ...OVERLAY_KEYS];
  const args = [token, set.head.version, set.changes.length, set.definitionsChange ? 1 : 0, ...set.classDeltas.flat()];
  return writeReply(await scripts.flip.run(redis, keys, args));
}

/** Folds what a large set left in the overlay; at once where there is nothing. */
export async function foldAll(redis: Redis): Promise<void> {
  const objects = [...OBJECT_KEYS, ...INDEX_KEYS, ...OVERLAY_KEYS];
  const keys = [CATALOG_META_KEY, CATALOG_OUTBOX_KEY, FOLD_LOG_KEY, ...objects];
  for (;;) {
    const [, left] = listReply(await scripts.fold.run(redis, keys, [FOLD_EDITS_MAX]));
    if (numberReply(left) === 0) return;
  }
}

/** The new version (or count), or why not. */
type WriteReply = number | 'conflict' | 'busy' | 'unfolded' | 'taken';

function writeReply(reply: unknown): WriteReply {
  const [status, value] = listReply(reply);
  switch (status) {
    case 1:
      return numberReply(value);
    case 0:
      return 'conflict';
    case -1:
      return 'busy';
    case -2:
      return 'unfolded';
    case -4:
      return 'taken';
    default:
      throw new WeirError('uninitialised', 'no catalog');
  }
}

/** Arguments of the edits, in as many calls as the bounds ask for. */
function packCalls(changes: readonly ObjectChange[], encode: (change: ObjectChange) => Call): Call[] {
  const calls: Call[] = [];
  let call: Call = [];
  let edits = 0;
  let bytes = 0;
  for (const change of changes) {
    const args = encode(change);
    const size = args.reduce<number>((sum, arg) => sum + String(arg).length, 0);
    if (edits > 0 && (edits === CALL_EDITS_MAX || bytes + size > CALL_BYTES_MAX)) {
      calls.push(call);
      call = [];
      edits = 0;
      bytes = 0;
    }
    call.push(...args);
    edits += 1;
    bytes += size;
  }
  if (edits > 0) calls.push(call);
  return calls;
}
