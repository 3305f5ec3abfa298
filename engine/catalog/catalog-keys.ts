import { OBJECT_TYPES, type ObjectType } from '../contract/catalog.js';
import { catalogObjectsKey } from '../store/keys.js';

/** Further keys under the catalog's hash tag, beside those of store/keys.ts. */

/** Sorted set of one type's ids, all with score 0: lists in order, with a cursor. */
export const indexKey = (type: ObjectType): string => `{catalog}:index:${type}`;
/** Hash: customer class → number of customers (classes.ts). */
export const CLASSES_KEY = '{catalog}:classes';
/** Hash of one type's staged objects: seen by nobody. */
export const stageKey = (type: ObjectType): string => `{catalog}:stage:${type}`;
export const STAGE_LOG_KEY = '{catalog}:stage-log';
/** Hash of one type's objects that are in force but not folded yet: read before the objects. */
export const overlayKey = (type: ObjectType): string => `{catalog}:overlay:${type}`;
export const FOLD_LOG_KEY = '{catalog}:fold-log';

export const keysOfTypes = (spell: (type: ObjectType) => string): string[] => OBJECT_TYPES.map(spell);
export const OBJECT_KEYS = keysOfTypes(catalogObjectsKey);
export const INDEX_KEYS = keysOfTypes(indexKey);
export const STAGE_KEYS = keysOfTypes(stageKey);
export const OVERLAY_KEYS = keysOfTypes(overlayKey);

/** The number of a type in the scripts: 1 to 6. */
export const typeNumber = (type: ObjectType): number => OBJECT_TYPES.indexOf(type) + 1;
