import type { ObjectType } from '../contract/catalog.js';
import { WeirError } from '../contract/errors.js';
import { isId } from '../contract/ids.js';
import { CatalogStore, type FenceOutcome, READ_OBJECTS_MAX } from './catalog-store.js';
import { foldAll } from './commit-changes.js';
import { parseText, readCurrent } from './current.js';
import { diffCatalog, type SourcedType } from './diff.js';
import type { CatalogFault, ParsedCatalog } from './document.js';
import { type Edit, EditPlanner, editOf } from './edit-plan.js';
import type { RedisClient } from './redis.js';
import { type LostCatalog, restoreCatalog } from './restore.js';
import type { ObjectChange, StoredText } from './stored.js';
import type { StoredObject } from './types.js';
import { describeOthers, validateCatalog } from './validate.js';
import { type Author, CatalogWriter, type Planned } from './writer.js';

export type { Author } from './writer.js';

const LIST_LIMIT = 100;

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

export interface PageOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page<T> {
  readonly objects: readonly T[];
  /** For the next page; null after the last one. */
  readonly cursor: string | null;
}

export interface IdPage extends Pick<Page<never>, 'cursor'> {
  readonly ids: readonly string[];
}

export type IdentifiedObject = StoredObject & { readonly id: string };

export interface WrittenObject {
  /** In force on every gateway. */
  readonly version: number;
  readonly created: boolean;
  readonly changed: boolean;
  readonly body: unknown;
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
  readonly #planner: EditPlanner;
  readonly #writer: CatalogWriter;

  constructor(redis: RedisClient) {
    this.store = new CatalogStore(redis);
    this.#planner = new EditPlanner(this.store);
    this.#writer = new CatalogWriter(this.store);
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
    const { version, uninitialised } = await this.ensureFenced();
    return { created: head.created, version, shards: head.shards, epochMs: head.epochMs, uninitialised };
  }

  /** True where there is a catalog, also one whose shards have lost their states. */
  exists(): Promise<boolean> {
    return this.store.exists();
  }

  /**
   * Makes a catalog that is gone anew (restore.ts), or finishes what a dead process left of that; the shards stay
   * without a state. @param options.shards where nothing says how many there were. @returns objects that came back.
   */
  restore(lost: LostCatalog, options: { readonly shards: number }): Promise<number> {
    return restoreCatalog(this.store.redis, lost, options.shards);
  }

  /**
   * Lets a shard decide again once its counters are there. @param usedEpochMs epochs up to this one are used.
   * Changes nothing where it decides already.
   */
  async openShard(shard: string, usedEpochMs: number): Promise<void> {
    const { nowMs, version } = await this.store.head();
    await this.store.initialiseShard(shard, Math.max(nowMs, usedEpochMs + 1), version);
    // A change since has found no fence to raise.
    await this.ensureFenced();
  }

  /**
   * Brings every shard to the version in force, and finishes a large set that a dead process left half folded. A catalog
   * that is behind its shards (a failover lost its last changes) goes on past them: else they would answer `stale` to
   * everybody, and the next change would have the version of one that is lost.
   */
  async ensureFenced(): Promise<FenceOutcome> {
    const head = await this.store.head();
    let outcome = await this.store.fence(head);
    if (outcome.greatest > head.version) {
      outcome = await this.store.fence({ ...head, version: await this.store.raise(outcome.greatest) });
    }
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
    return await this.#writer.write(author, async (): Promise<Planned<ApplyOutcome> | undefined> => {
      const current = await readCurrent(this.store, author.owner, parsed.document);
      if (current === undefined) return undefined;
      const { head, objects, surroundings, definitions } = current;
      const { conflicts, changes } = diffCatalog(author.owner, objects, parsed.document);
      // What did not hold among the others' objects before is not held against this document.
      const held = new Set(describeOthers(definitions, surroundings));
      const problems = validateCatalog(parsed.document, surroundings, parsed.broken);
      const caused = problems.filter(({ path, message }) => path.length > 0 || !held.has(message));
      const faults = parsed.faults([...conflicts, ...caused]);
      if (faults.length > 0) return { outcome: { status: 'refused', faults }, changes: [], head };
      if (options.dryRun === true)
        return { outcome: { status: 'planned', version: head.version, changes }, changes: [], head };
      if (changes.length === 0) return { outcome: { status: 'unchanged', version: head.version }, changes, head };
      return { outcome: { status: 'applied', version: head.version + 1, changes }, changes, head };
    });
  }

  /** One object, undefined when there is none. @throws WeirError `uninitialised`. */
  async getObject(type: ObjectType, id: string): Promise<StoredObject | undefined> {
    const { objects } = await this.store.readObjects(type, [id]);
    return objects[0] ? storedObject(type, objects[0]) : undefined;
  }

  /**
   * Objects of a type by the order of their ids.
   * @param options.limit 1 to 1 000, default 100. @param options.cursor of the page before.
   * @throws WeirError `invalid_request` for a cursor or limit that is none.
   */
  async listObjects(type: ObjectType, options: PageOptions = {}): Promise<Page<IdentifiedObject>> {
    const { ids, cursor } = await this.listIds(type, options);
    const { objects } = await this.store.readObjects(type, ids);
    return {
      objects: ids.flatMap((id, at) => (objects[at] ? [{ id, ...storedObject(type, objects[at]) }] : [])),
      cursor,
    };
  }

  /** The ids alone, by the same pages: of a million customers nothing else need be read to walk through them. */
  async listIds(type: ObjectType, { limit = LIST_LIMIT, cursor }: PageOptions = {}): Promise<IdPage> {
    if (!Number.isInteger(limit) || limit < 1 || limit > READ_OBJECTS_MAX) {
      throw new WeirError('invalid_request', `limit is 1 to ${READ_OBJECTS_MAX}`, { field: 'limit' });
    }
    await foldAll(this.store.redis);
    const ids = await this.store.listIds(type, cursor === undefined ? undefined : readCursor(cursor), limit);
    const last = ids.at(-1);
    return { ids, cursor: last === undefined || ids.length < limit ? null : writeCursor(last) };
  }

  /** How many objects of a type there are. */
  countObjects(type: ObjectType): Promise<number> {
    return this.store.countIds(type);
  }

  /**
   * Creates or replaces one object. In force on every gateway when it resolves.
   *
   * @param input the object as JSON; its id may be left out.
   * @throws WeirError `invalid_request` or `unknown_field` for a schema fault, `invalid_catalog` for one of reference,
   * `owned_by_source`, `uninitialised`, `overloaded`.
   */
  async putObject(type: SourcedType, id: string, input: unknown, author: Author): Promise<WrittenObject> {
    return await this.putBody(editOf(type, id, input), author);
  }

  /**
   * As `putObject`, with a body that is parsed already; for keys, which have a service of their own.
   * @param expected version of the object that the edit was made against (null: there is none); left out: any.
   * @throws WeirError `id_conflict` when the object is of another version.
   */
  async putBody(edit: Edit, author: Author, expected?: number | null): Promise<WrittenObject> {
    return await this.#writer.write(author, async () => {
      const plan = await this.#planner.plan(edit, author.owner);
      if (plan === undefined) return undefined;
      const { head, before, change } = plan;
      if (expected !== undefined && (before?.version ?? null) !== expected) {
        throw new WeirError('id_conflict', `${edit.type} ${JSON.stringify(edit.id)} was changed meanwhile`);
      }
      const version = change === undefined ? head.version : head.version + 1;
      const outcome = { version, created: before === null, changed: change !== undefined, body: edit.body };
      return { outcome, changes: change === undefined ? [] : [change], head };
    });
  }

  /** @throws WeirError `not_found`, `owned_by_source`, `invalid_catalog` while something refers to it. */
  async deleteObject(type: ObjectType, id: string, author: Author): Promise<{ readonly version: number }> {
    return await this.putBody({ type, id, body: null }, author);
  }
}

const storedObject = (type: ObjectType, { owner, version, text }: StoredText): StoredObject => ({
  owner,
  version,
  body: parseText(type, text),
});

const writeCursor = (lastId: string): string => Buffer.from(lastId).toString('base64url');

function readCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (writeCursor(id) === cursor && isId(id)) return id;
  throw new WeirError('invalid_request', 'cursor is not one of a list', { field: 'cursor' });
}
