/** A small seeded generator for tests and simulations: the same seed gives the same history on every machine. */
export interface Random {
  readonly seed: number;
  /** A double in [0, 1), with 32 random bits. */
  next(): number;
  /** A whole number from `min` to `max`, both included; the span stays below 2^53. */
  int(min: number, max: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the items. @throws RangeError when there is none. */
  pick<T>(items: readonly T[]): T;
  /** The items in a random order, as a new array. */
  shuffle<T>(items: readonly T[]): T[];
  /** A rank from 0 to `count` − 1, the rank r with a weight of 1 ∕ (r + 1)^`exponent`. */
  zipf(count: number, exponent?: number): number;
  /** A generator of its own, so that one part of a simulation drawing more does not shift the others. */
  fork(): Random;
}

/** Cumulative weights of the distributions drawn from lately; a simulation uses one or two. */
const ZIPF_TABLES_MAX = 8;
const zipfTables = new Map<string, Float64Array>();

/** @param seed any whole number; its low 32 bits count. */
export function createRandom(seed: number): Random {
  const next = sfc32(seed);
  const int = (min: number, max: number): number => {
    const span = max - min + 1;
    if (span <= 2 ** 32) return min + Math.floor(next() * span);
    // 53 bits, since 32 would leave most of a wide span unreachable.
    const bits = Math.floor(next() * 2 ** 21) * 2 ** 32 + next() * 2 ** 32;
    return min + Math.min(span - 1, Math.floor((bits / 2 ** 53) * span));
  };
  return {
    seed,
    next,
    int,
    chance: (probability) => next() < probability,
    pick: <T>(items: readonly T[]): T => {
      const index = int(0, items.length - 1);
      for (const item of items.slice(index, index + 1)) return item;
      throw new RangeError('nothing to pick from');
    },
    shuffle: <T>(items: readonly T[]): T[] =>
      items
        .map((item) => ({ item, order: next() }))
        .sort((a, b) => a.order - b.order)
        .map(({ item }) => item),
    zipf: (count, exponent = 1) => rankOf(zipfTable(count, exponent), next()),
    fork: () => createRandom(Math.floor(next() * 2 ** 32)),
  };
}

/** sfc32, the "small fast counter" generator of Chris Doty-Humphrey's PractRand; it passes BigCrush. */
function sfc32(seed: number): () => number {
  let a = seed | 0;
  let b = 0x9e3779b9 | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const step = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return (result >>> 0) / 2 ** 32;
  };
  // The reference warms up 12 rounds; seeds that differ in one bit have parted by then.
  for (let round = 0; round < 12; round++) step();
  return step;
}

function zipfTable(count: number, exponent: number): Float64Array {
  const key = `${count} ${exponent}`;
  const known = zipfTables.get(key);
  if (known !== undefined) return known;
  const table = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank++) {
    total += 1 / (rank + 1) ** exponent;
    table[rank] = total;
  }
  for (let rank = 0; rank < count; rank++) table[rank] = (table[rank] ?? 0) / total;
  if (zipfTables.size >= ZIPF_TABLES_MAX) zipfTables.clear();
  zipfTables.set(key, table);
  return table;
}

/** First rank whose cumulative weight passes the draw. */
function rankOf(table: Float64Array, draw: number): number {
  let low = 0;
  let high = table.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((table[middle] ?? 1) > draw) high = middle;
    else low = middle + 1;
  }
  return low;
}
