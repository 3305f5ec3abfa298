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

const PART = 10_000;
/** The numbers below PART, with zeros before them. */
const PADDED = Array.from({ length: PART }, (_, number) => String(number).padStart(4, '0'));

/**
 * A number as text, as String gives it. From 2^31 on V8 spells a number out by the rules of doubles, which takes twice as
 * long as to put a whole one together; quotas of tokens are that large.
 */
export function numberText(number: number): string {
  if (!(number >= 2 ** 31 && Number.isSafeInteger(number))) return String(number);
  const high = Math.floor(number / PART ** 2);
  const low = number - high * PART ** 2;
  const middle = Math.floor(low / PART);
  return `${high}${PADDED[middle]}${PADDED[low - middle * PART]}`;
}

/** An id as JSON, remembered: for features and limits, of which there are few. */
export const idText = cached(jsonString);
