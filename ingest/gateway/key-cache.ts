import type { ApiKey } from '../../engine/index.js';

/** Keys remembered; past it the memory starts anew. */
const KEYS_MAX = 10_000;

/** What a gateway needs of the catalog's view to know a key. */
export interface KeySource {
  /** Moves with every change of the catalog, the revocation of a key among them. */
  readonly version: number;
  authenticate(rawKey: string): ApiKey | undefined;
}

/**
 * Remembers which record a raw key had, until the catalog changes: its SHA-256 costs more than all else that is done
 * for authentication. Only keys that were found are remembered, so that guesses take no room.
 */
export function rememberKeys(source: KeySource): (rawKey: string) => ApiKey | undefined {
  const known = new Map<string, ApiKey>();
  let version = -1;
  return (rawKey) => {
    if (source.version !== version) {
      known.clear();
      version = source.version;
    }
    const before = known.get(rawKey);
    if (before !== undefined) return before;
    const found = source.authenticate(rawKey);
    if (found === undefined) return undefined;
    if (known.size >= KEYS_MAX) known.clear();
    known.set(rawKey, found);
    return found;
  };
}
