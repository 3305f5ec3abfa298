import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { WeirError } from '../contract/errors.js';
import type { CatalogHead, CatalogStore } from './catalog-store.js';
import { ClassDeltas, classOfText } from './classes.js';
import { commitChanges, foldAll, holdCatalog, keepHold, letGo } from './commit-changes.js';
import { isDefinition } from './objects.js';
import type { ObjectChange } from './stored.js';

/** Tries of one write while others write too. */
const TRIES_MAX = 100;
const TRY_PAUSE_MS_MAX = 20;
/** After so many tries in vain a writer makes the others wait. */
const TRIES_BEFORE_HOLD = 3;
const KEEP_HOLD_MS = 2_000;

/** Who asks for a change: `actor` is for the audit trail (a key's id, `file:NAME`, `cli`), `owner` the source. */
export interface Author {
  readonly owner: string;
  readonly actor: string;
}

/** What a write is to do, and what it answers once that is done. */
export interface Planned<T> {
  readonly outcome: T;
  readonly changes: readonly ObjectChange[];
  readonly head: CatalogHead;
}

/** Plans against the present version; resolves with undefined when what it read is not of one version. */
export type Plan<T> = () => Promise<Planned<T> | undefined>;

/**
 * Writes that are planned against one version and tried again when another one came first:
 *
 *   plan → commit → (another came between: again) → fence → fold → answer
 *
 * A death after the commit leaves a version without its fence; the next write or start sets it.
 */
export class CatalogWriter {
  readonly #store: CatalogStore;
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: CatalogStore) {
    this.#store = store;
  }

  /**
   * One write at a time in this process: the others wait their turn instead of losing it to each other.
   * @throws WeirError `overloaded` after many tries in vain, and what the plan throws.
   */
  async write<T>(author: Author, plan: Plan<T>): Promise<T> {
    const run = (): Promise<T> => this.#writeNow(author, plan);
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  async #writeNow<T>(author: Author, plan: Plan<T>): Promise<T> {
    const { redis } = this.#store;
    const token = randomUUID();
    let heldVersion: number | undefined;
    try {
      for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
        if (attempt > 0) await delay(Math.random() * TRY_PAUSE_MS_MAX);
        if (attempt >= TRIES_BEFORE_HOLD) heldVersion ??= await this.#hold(token);
        const planned = await this.#keeping(token, heldVersion, plan);
        if (planned === undefined) {
          await foldAll(redis);
          continue;
        }
        const { changes, head, outcome } = planned;
        let { version, folding } = head;
        if (changes.length > 0) {
          const classDeltas = deltasOf(author.owner, changes);
          const definitionsChange = changes.some(({ type }) => isDefinition(type));
          const committed = await commitChanges(redis, {
            ...author,
            token,
            head,
            changes,
            classDeltas,
            definitionsChange,
          });
          // Either way the hold is over: a commit ends it, and so does a conflict, which shows that it was lost.
          heldVersion = undefined;
          if (committed.status === 'conflict') continue;
          ({ version, folding } = committed);
        }
        // Also where nothing changes: who wrote the version in force may have died before its fence.
        await this.#store.fence({ version, shards: head.shards });
        if (folding) await foldAll(redis);
        return outcome;
      }
      throw new WeirError('overloaded', 'too many changes of the catalog at once');
    } finally {
      // At the latest its lease ends it.
      if (heldVersion !== undefined) await letGo(redis, token).catch(() => undefined);
    }
  }

  /** @returns the version held, undefined when another writer came first. */
  async #hold(token: string): Promise<number | undefined> {
    const { version } = await this.#store.head();
    return (await holdCatalog(this.#store.redis, token, version)) ? version : undefined;
  }

  /** Runs a plan, giving signs of life meanwhile where the catalog is held. */
  async #keeping<T>(token: string, version: number | undefined, plan: Plan<T>): Promise<Planned<T> | undefined> {
    if (version === undefined) return await plan();
    const timer = setInterval(() => {
      // A hold that is lost shows at the commit.
      keepHold(this.#store.redis, token, version).catch(() => undefined);
    }, KEEP_HOLD_MS);
    try {
      return await plan();
    } finally {
      clearInterval(timer);
    }
  }
}

/** How the counts of customer classes change with these edits. */
function deltasOf(owner: string, changes: readonly ObjectChange[]): [string, number][] {
  const deltas = new ClassDeltas();
  for (const { type, before, after } of changes) {
    if (type !== 'customer') continue;
    if (before !== null) deltas.add(classOfText(owner, before), -1);
    if (after !== null) deltas.add(classOfText(owner, after), 1);
  }
  return deltas.entries();
}
