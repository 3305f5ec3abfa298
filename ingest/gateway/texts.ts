/** Texts that come again and again, made once: a time's toISOString costs a microsecond, JSON.stringify of an id a sixth of one. */

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A string as JSON has it between the quotes; most ids need no escape. */
export function jsonContent(value: string): string {
  return PLAIN.test(value) ? value : JSON.stringify(value).slice(1, -1);
}

export function jsonString(value: string): string {
  return `"${jsonContent(value)}"`;
}

/** Texts kept per cache; past it the cache starts anew. */
const CACHE_MAX = 4_096;

/**
 * Remembers what a function made of its last arguments: few features, limits and window ends come again and again, and
 * the very last one most of all. An answer is pieces that V8 joins when it is sent: whole fragments are worth keeping.
 */
export function cached<K, V extends string>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  let lastKey: K | undefined;
  let last: V | undefined;
  return (key) => {
    if (last !== undefined && key === lastKey) return last;
    let text = known.get(key);
    if (text === undefined) {
      if (known.size >= CACHE_MAX) known.clear();
      text = make(key);
      known.set(key, text);
    }
    lastKey = key;
    last = text;
    return text;
  };
}

const resetJson = cached((ms: number) => `,"resetAt":"${new Date(ms).toISOString()}"`);

/** When a window ends, as a field behind others: RFC 3339 in UTC with milliseconds, or null. */
export function resetField(ms: number | null): string {
  return ms === null ? ',"resetAt":null' : resetJson(ms);
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
