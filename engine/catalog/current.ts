import type { CatalogDocument, Customer, ObjectType } from '../contract/catalog.js';
import { type CatalogHead, type CatalogStore, READ_OBJECTS_MAX, type WholeTypes } from './catalog-store.js';
import type { Definitions } from './check.js';
import { parseClassKey } from './classes.js';
import type { CurrentObjects, SourcedType } from './diff.js';
import { type BodyOf, DEFINITION_TYPES, type DefinitionType, parseStoredBody } from './objects.js';
import type { StoredText } from './stored.js';
import type { Surroundings } from './validate.js';

/** What a document is compared with and checked against, all of one version. */
export interface Current {
  readonly head: CatalogHead;
  readonly objects: CurrentObjects;
  /** What the other owners have. */
  readonly surroundings: Surroundings;
  /** The definitions of all owners. */
  readonly definitions: Definitions;
}

/**
 * Reads what bears on a document: all definitions, the customers it brings, and those of its owner that it does not.
 * @returns undefined when the catalog changed meanwhile, or is not folded yet: fold it and read again.
 */
export async function readCurrent(
  store: CatalogStore,
  owner: string,
  document: CatalogDocument,
): Promise<Current | undefined> {
  const whole = await store.readWhole(DEFINITION_TYPES, true);
  if (whole.folding) return undefined;
  const customers = await readCustomers(store, whole, owner, document.customers);
  if (customers === undefined) return undefined;
  return {
    head: whole,
    objects: new Map<SourcedType, ReadonlyMap<string, StoredText>>([...whole.types, ['customer', customers]]),
    surroundings: surroundingsOf(whole, (other) => other !== owner),
    definitions: definitionsOf(whole.types),
  };
}

/** Customers by id: those the document brings, whoever has them, and all others of the owner. */
async function readCustomers(
  store: CatalogStore,
  whole: WholeTypes<DefinitionType>,
  owner: string,
  brought: readonly Customer[],
): Promise<Map<string, StoredText> | undefined> {
  let own = 0;
  let all = 0;
  for (const [key, count] of whole.classes) {
    all += count;
    if (parseClassKey(key).owner === owner) own += count;
  }
  // A scan reads all customers, a million of them in seconds: for an owner who has few it is the dearer way, and is
  // needed only where some of them are not in the document any more.
  if (own * 2 < all || own === 0) {
    const found = await readBrought(store, whole.version, brought);
    let ownFound = 0;
    for (const stored of found?.values() ?? []) if (stored.owner === owner) ownFound += 1;
    if (found === undefined || ownFound === own) return found;
  }
  const ids = new Set(brought.map(({ id }) => id));
  const found = new Map<string, StoredText>();
  for await (const page of store.scan('customer')) {
    for (const [id, stored] of page) if (stored.owner === owner || ids.has(id)) found.set(id, stored);
  }
  return found;
}

async function readBrought(
  store: CatalogStore,
  version: number,
  brought: readonly Customer[],
): Promise<Map<string, StoredText> | undefined> {
  const found = new Map<string, StoredText>();
  for (let from = 0; from < brought.length; from += READ_OBJECTS_MAX) {
    const ids = brought.slice(from, from + READ_OBJECTS_MAX).map(({ id }) => id);
    const read = await store.readObjects('customer', ids);
    if (read.version !== version) return undefined;
    ids.forEach((id, at) => {
      const stored = read.objects[at];
      if (stored) found.set(id, stored);
    });
  }
  return found;
}

/** The definitions and customer classes of some owners. */
export function surroundingsOf(whole: WholeTypes<DefinitionType>, owners: (owner: string) => boolean): Surroundings {
  return {
    definitions: definitionsOf(whole.types, owners),
    classes: [...whole.classes]
      .map(([key, customers]) => ({ customerClass: parseClassKey(key), customers }))
      .filter(({ customerClass }) => owners(customerClass.owner)),
  };
}

export function definitionsOf(
  types: ReadonlyMap<DefinitionType, ReadonlyMap<string, StoredText>>,
  owners: (owner: string) => boolean = () => true,
): Definitions {
  const read = <T extends DefinitionType>(type: T): Map<string, BodyOf[T]> => {
    const bodies = new Map<string, BodyOf[T]>();
    for (const [id, stored] of types.get(type) ?? []) {
      if (owners(stored.owner)) bodies.set(id, parseText(type, stored.text));
    }
    return bodies;
  };
  return { meters: read('meter'), features: read('feature'), plans: read('plan'), addons: read('addon') };
}

/** A stored body's text as its type. */
export function parseText<T extends ObjectType>(type: T, text: string): BodyOf[T] {
  const body: unknown = JSON.parse(text);
  return parseStoredBody(type, body);
}
