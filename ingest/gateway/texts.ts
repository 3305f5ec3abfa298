/** Texts that come again and again, made once: a time's toISOString costs a microsecond, JSON.stringify of an id a sixth of one. */

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A string as JSON; most ids need no escape. */
export function jsonString(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
}

/** Texts kept per cache; past it the cache starts anew. */
const CACHE_MAX = 4_096;

/** Remembers what a function made of its last arguments: few features, limits and window ends come again and again. */
export function cached<K, V extends string>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= CACHE_MAX) known.clear();
    const made = make(key);
    known.set(key, made);
    return made;
  };
}

const instantJson = cached((ms: number) => `"${new Date(ms).toISOString()}"`);

/** An instant as JSON: RFC 3339 in UTC with milliseconds, or null. */
export function instantText(ms: number | null): string {
  return ms === null ? 'null' : instantJson(ms);
}

/** An id as JSON, remembered: for features and limits, of which there are few. */
export const idText = cached(jsonString);
