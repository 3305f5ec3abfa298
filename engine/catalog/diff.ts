import type { CatalogDocument, ObjectType } from '../contract/catalog.js';
import { storedText } from './objects.js';
import type { Problem } from './problems.js';
import type { ObjectChange, StoredText } from './stored.js';

/** A section of the document for each type that a source may bring. */
export const SECTIONS = [
  { type: 'meter', section: 'meters' },
  { type: 'feature', section: 'features' },
  { type: 'plan', section: 'plans' },
  { type: 'addon', section: 'addons' },
  { type: 'customer', section: 'customers' },
] as const satisfies readonly { type: ObjectType; section: keyof CatalogDocument }[];
export type SourcedType = (typeof SECTIONS)[number]['type'];

/** What the catalog holds now, as far as it bears on the document: by type and id. */
export type CurrentObjects = ReadonlyMap<SourcedType, ReadonlyMap<string, StoredText>>;

export interface CatalogDiff {
  /** In the order in which one object refers to the ones before it: first what is written, then what is deleted. */
  readonly changes: readonly ObjectChange[];
  /** Objects that belong to another source; paths are within the document. */
  readonly conflicts: readonly Problem[];
}

/**
 * What turns the objects of this owner into those of the document. Objects are equal when their stored text is.
 * What the owner no longer brings is deleted; what another owner has is a conflict, never a change.
 *
 * @param current all objects of this owner, and those of others whose ids the document brings.
 */
export function diffCatalog(owner: string, current: CurrentObjects, desired: CatalogDocument): CatalogDiff {
  const changes: ObjectChange[] = [];
  const deletes: ObjectChange[] = [];
  const conflicts: Problem[] = [];
  for (const { type, section } of SECTIONS) {
    const held = current.get(type);
    const brought = new Set<string>();
    desired[section].forEach((body, index) => {
      brought.add(body.id);
      const now = held?.get(body.id);
      if (now !== undefined && now.owner !== owner) {
        const message = `belongs to source ${JSON.stringify(now.owner)} (owned_by_source): change it there, or use another id`;
        conflicts.push({ path: [section, index, 'id'], message });
        return;
      }
      const after = storedText(type, body);
      if (now?.text !== after) changes.push({ type, id: body.id, before: now?.text ?? null, after });
    });
    for (const [id, now] of held ?? []) {
      if (now.owner === owner && !brought.has(id)) deletes.push({ type, id, before: now.text, after: null });
    }
  }
  return { changes: [...changes, ...deletes.reverse()], conflicts };
}
