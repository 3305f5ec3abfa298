import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { WeirError } from '../contract/errors.js';
import { type CatalogHead, CatalogStore, type FenceOutcome } from './catalog-store.js';
import { ClassDeltas, classOf } from './classes.js';
import { commitChanges, foldAll } from './commit-changes.js';
import { type Current, parseText, readCurrent } from './current.js';
import { diffCatalog } from './diff.js';
import type { CatalogFault, ParsedCatalog } from './document.js';
import { isDefinition } from './objects.js';
import type { ObjectChange } from './stored.js';
import { describeOthers, validateCatalog } from './validate.js';

/** Tries of one write while others write too; each time at least one of them gets through. */
const TRIES_MAX = 100;
const TRY_PAUSE_MS_MAX = 20;

export interface Initialised {
  /** True when this call made the catalog. */
  readonly created: boolean;
  readonly version: number;
  /** As stored: the number of the first start, whatever was asked for now. */
  readonly shards: number;
  readonly epochMs: number;
  /** Shards whose state is gone: they decide nothing until they are rebuilt. */
  readonly uninitialised: readonly string[];
}

/** Who asks for a change: `actor` is for the audit trail (a key's id, `file:NAME`, `cli`), `owner` the source. */
export interface Author {
  readonly owner: string;
  readonly actor: string;
}

export type ApplyOutcome =
  /** In force on every gateway. */
  | { readonly status: 'applied'; readonly version: number; readonly changes: readonly ObjectChange[] }
  /** The catalog is as the document wants it. */
  | { readonly status: 'unchanged'; readonly version: number }
  /** Dry run: what would change. */
  | { readonly status: 'planned'; readonly version: number; readonly changes: readonly ObjectChange[] }
  /** Nothing was changed. */
  | { readonly status: 'refused'; readonly faults: readonly CatalogFault[] };

/**
 * The catalog's only writer. Any number of registries may write at once, in any process: each change is made against
 * one version and tried again when another came first. A change is answered when every shard carries its version, so
 * that from then on no gateway decides by an older one (invariant 4).
 */
export class CatalogRegistry {
  readonly store: CatalogStore;
  #last: Promise<unknown> = Promise.resolve();

  constructor(redis: Redis) {
    this.store = new CatalogStore(redis);
  }

  /**
   * Makes the catalog and the shards' states on an empty Redis; else finishes what a dead process left undone. A state
   * that is missing beside a catalog is not made: balances are gone, and only a rebuild may say what they were.
   *
   * @throws WeirError `uninitialised` when shards have a state but the catalog is gone.
   */
  async initialise(options: { readonly shards: number }): Promise<Initialised> {
    if (!(await this.store.exists())) {
      const left = await this.store.shardsWithState(options.shards);
      if (left.length > 0 && !(await this.store.exists())) {
        throw new WeirError('uninitialised', `the catalog is gone, but the state of ${left.join(', ')} is there`);
      }
    }
    const head = await this.store.initialise(options.shards);
    if (head.initialising) await this.store.initialiseShards(head);
    const { uninitialised } = await this.ensureFenced();
    return { created: head.created, version: head.version, shards: head.shards, epochMs: head.epochMs, uninitialised };
  }

  /** Brings every shard to the version in force, and finishes a large set that a dead process left half folded. */
  async ensureFenced(): Promise<FenceOutcome> {
    const head = await this.store.head();
    const outcome = await this.store.fence(head);
    if (head.folding) await foldAll(this.store.redis);
    return outcome;
  }

  /**
   * Makes the objects of one source those of its file. The whole file is taken or nothing of it.
   *
   * @param options.dryRun compares only.
   * @throws WeirError `uninitialised`, `overloaded`; the client's errors when Redis is away.
   */
  async apply(
    parsed: ParsedCatalog,
    author: Author,
    options: { readonly dryRun?: boolean } = {},
  ): Promise<ApplyOutcome> {
    const plan = (current: Current): Planned<ApplyOutcome> => {
      const { objects, surroundings } = current;
      const diff = diffCatalog(author.owner, objects, parsed.document);
      const before = new Set(describeOthers(surroundings.definitions, surroundings));
      const problems = validateCatalog(parsed.document, surroundings, parsed.broken);
      const caused = problems.filter(({ path, message }) => path.length > 0 || !before.has(message));
      const faults = parsed.faults([...diff.conflicts, ...caused]);
      if (faults.length > 0) return { outcome: { status: 'refused', faults } };
      const { version } = current.head;
      if (diff.changes.length === 0) return { outcome: { status: 'unchanged', version } };
      if (options.dryRun === true) return { outcome: { status: 'planned', version, changes: diff.changes } };
      return { changes: diff.changes, head: current.head };
    };
    return await this.#exclusive(() =>
      this.#write(author, async () => {
        const current = await readCurrent(this.store, author.owner, parsed.document);
        return current === undefined ? undefined : plan(current);
      }),
    );
  }

  /** One write at a time in this process; the others wait their turn instead of losing it to each other. */
  async #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  /**
   * Plans against the present version and commits, until nobody came between.
   * @param plan resolves with undefined when what it read is not of one version.
   */
  async #write(author: Author, plan: () => Promise<Planned<ApplyOutcome> | undefined>): Promise<ApplyOutcome> {
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      if (attempt > 0) await delay(Math.random() * TRY_PAUSE_MS_MAX);
      await foldAll(this.store.redis);
      const planned = await plan();
      if (planned === undefined) continue;
      if ('outcome' in planned) {
        // What is in force already may lack its fence: the process that wrote it may have died before it.
        if (planned.outcome.status === 'unchanged') await this.ensureFenced();
        return planned.outcome;
      }
      const { changes, head } = planned;
      const classDeltas = deltasOf(author.owner, changes);
      const definitionsChange = changes.some(({ type }) => isDefinition(type));
      const set = { ...author, head, changes, classDeltas, definitionsChange };
      const committed = await commitChanges(this.store.redis, set);
      if (committed.status === 'conflict') continue;
      await this.store.fence({ version: committed.version, shards: head.shards });
      await foldAll(this.store.redis);
      return { status: 'applied', version: committed.version, changes };
    }
    throw new WeirError('overloaded', 'too many changes of the catalog at once');
  }
}

type Planned<T> = { readonly outcome: T } | { readonly changes: readonly ObjectChange[]; readonly head: CatalogHead };

/** How the counts of customer classes change with these edits. */
function deltasOf(owner: string, changes: readonly ObjectChange[]): [string, number][] {
  const deltas = new ClassDeltas();
  for (const { type, before, after } of changes) {
    if (type !== 'customer') continue;
    if (before !== null) deltas.add(classOf(owner, parseText(type, before)), -1);
    if (after !== null) deltas.add(classOf(owner, parseText(type, after)), 1);
  }
  return deltas.entries();
}
