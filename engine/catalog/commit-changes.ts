import { setTimeout as delay } from 'node:timers/promises';
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
import { LuaScript, listReply, numberReply, type RedisClient } from './redis.js';
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

/** Edits of one script call, and their characters: some 10 ms of Redis. */
export const CALL_EDITS_MAX = 1_000;
const CALL_CHARS_MAX = 2 * 1024 * 1024;
const FOLD_EDITS_MAX = 500;
/** A holder that gave no sign of life for so long is dead. */
const STAGE_LEASE_MS = 10_000;
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
  /** Names the writer, who may hold the catalog already. */
  readonly token: string;
  readonly owner: string;
  readonly actor: string;
  readonly changes: readonly ObjectChange[];
  readonly classDeltas: readonly (readonly [string, number])[];
  readonly definitionsChange: boolean;
}

/** `conflict`: the catalog is at another version by now; read again. */
export type CommitOutcome =
  /** `folding`: readers see it, but it is still to be folded. */
  | { readonly status: 'committed'; readonly version: number; readonly folding: boolean }
  | { readonly status: 'conflict' };

/** Arguments of one call's edits. */
type Call = (string | number)[];

/**
 * Writes the edits under one new version. When it resolves they are in force for readers, but not fenced yet.
 * @throws WeirError `overloaded` when another writer's large set does not come to an end, `uninitialised`.
 */
export async function commitChanges(redis: RedisClient, set: ChangeSet): Promise<CommitOutcome> {
  const deadlineMs = performance.now() + BUSY_WAIT_MS_MAX;
  for (;;) {
    const calls = packCalls(set);
    const first = calls.next();
    const second = calls.next();
    const reply =
      second.done === true
        ? await apply(redis, set, first.value ?? [])
        : await publish(redis, set, [first.value ?? [], second.value], calls);
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
        return { status: 'committed', version: reply, folding: second.done !== true };
    }
  }
}

async function apply(redis: RedisClient, set: ChangeSet, call: Call): Promise<WriteReply> {
  const objects = [...OBJECT_KEYS, ...INDEX_KEYS, ...STAGE_KEYS, STAGE_LOG_KEY];
  const keys = [CATALOG_META_KEY, CATALOG_OUTBOX_KEY, CLASSES_KEY, ...objects];
  const classes = [set.classDeltas.length, ...set.classDeltas.flat()];
  const args = [set.head.version, STAGE_LEASE_MS, set.token, set.definitionsChange ? 1 : 0, ...classes, ...call];
  return writeReply(await scripts.apply.run(redis, keys, args));
}

async function publish(
  redis: RedisClient,
  set: ChangeSet,
  first: readonly Call[],
  more: Iterable<Call>,
): Promise<WriteReply> {
  // Two calls at a time, so that Redis takes in the one while we spell the next.
  let pending: Promise<WriteReply> | undefined;
  let step: 'begin' | 'add' = 'begin';
  for (const call of concat(first, more)) {
    const next = stage(redis, set.token, step, set.head.version, call);
    // It is awaited one turn later, or not at all when the one before it fails.
    next.catch(() => undefined);
    const staged = await (pending ?? next);
    if (typeof staged !== 'number') {
      await next;
      return staged;
    }
    pending = next;
    step = 'add';
  }
  const last = await pending;
  if (typeof last !== 'number') return last ?? 'taken';
  const keys = [CATALOG_META_KEY, CLASSES_KEY, STAGE_LOG_KEY, FOLD_LOG_KEY, ...STAGE_KEYS, ...OVERLAY_KEYS];
  const args = [
    set.token,
    set.head.version,
    set.changes.length,
    set.definitionsChange ? 1 : 0,
    ...set.classDeltas.flat(),
  ];
  return writeReply(await scripts.flip.run(redis, keys, args));
}

async function stage(
  redis: RedisClient,
  token: string,
  step: 'begin' | 'add' | 'drop',
  version: number,
  call: Call,
): Promise<WriteReply> {
  const args = [token, step, version, STAGE_LEASE_MS, ...call];
  return writeReply(await scripts.stage.run(redis, [CATALOG_META_KEY, STAGE_LOG_KEY, ...STAGE_KEYS], args));
}

/**
 * Makes all other writers wait until this one has committed, let go, or given no sign of life for some seconds. For a
 * writer that reads for so long that others always come between.
 *
 * @returns false when the catalog is at another version by now, or another writer holds it.
 */
export async function holdCatalog(redis: RedisClient, token: string, version: number): Promise<boolean> {
  return typeof (await stage(redis, token, 'begin', version, [])) === 'number';
}

/** Gives a sign of life. */
export async function keepHold(redis: RedisClient, token: string, version: number): Promise<void> {
  await stage(redis, token, 'add', version, []);
}

export async function letGo(redis: RedisClient, token: string): Promise<void> {
  await stage(redis, token, 'drop', 0, []);
}

/** Folds what a large set left in the overlay; at once where there is nothing. */
export async function foldAll(redis: RedisClient): Promise<void> {
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
function* packCalls(set: ChangeSet): Generator<Call, undefined> {
  const stamp = { version: set.head.version + 1, atMs: set.head.nowMs, actor: set.actor, owner: set.owner };
  let call: Call = [];
  let chars = 0;
  for (const change of set.changes) {
    const { type, id, after } = change;
    const stored = after === null ? '' : encodeStored({ owner: set.owner, version: stamp.version, text: after });
    const json = encodeChange(stamp, change);
    const size = id.length + stored.length + json.length;
    if (call.length === 4 * CALL_EDITS_MAX || (call.length > 0 && chars + size > CALL_CHARS_MAX)) {
      yield call;
      call = [];
      chars = 0;
    }
    call.push(typeNumber(type), id, stored, json);
    chars += size;
  }
  if (call.length > 0) yield call;
}

function* concat<T>(first: Iterable<T>, more: Iterable<T>): Generator<T> {
  yield* first;
  yield* more;
}
