/**
 * How often the sink inserts. A lone fact is inserted at once; under load the rounds grow to INSERT_ROWS_MAX rows instead
 * of coming more often, since a part has its price whatever its size.
 *
 * One insert into the embedded ClickHouse, CPU, a quiet moment of a machine with two cores: 11 ms for the part, 3 ms for
 * its roll-up, 4 ms for the fence and 5 ms for reading the block; with every row 2 µs, and half as much again for the
 * merges that follow. 400 ms apart that is 6 % of a core for a trickle; under load rounds come 900 ms apart, since
 * that is what those fixed costs are worth: at 34 000 facts/s 700 ms took a fifth more of a core, and at 10 000/s the
 * 480 ms that twelve inserts take made a fact half as dear again.
 *
 * A fact waits for at most one round and the insert after it. Where inserts are slow the machine is busy, and rounds
 * keep away from each other, but never so far that inserts of 0.8 s would break the 2 s that reports promise. Measured
 * from the answer to a report that shows the event, the whole of Weir and a load generator on the same two cores:
 * 80 facts/s 0.6 s at most, 10 000/s 0.6 s, 20 000/s for a minute 0.5 s in the middle and 0.8 s at most; 17 000/s where
 * others kept both cores busy (load 6) 0.6 s and 1.8 s.
 */
export const ROUND_MS_MIN = 400;
export const ROUND_MS_MAX = 900;
/** Rounds begin at least this many times the last insert's duration apart. */
const ROUND_PER_INSERT = 12;
/** Rows of a round that are no trickle: rounds come as seldom as they may. */
const LOAD_ROWS = 1_000;

/** Time from the start of a round to the start of the next one, after an insert of so many rows that took this long. */
export const roundMsAfter = (insertMs: number, rows: number): number =>
  rows >= LOAD_ROWS ? ROUND_MS_MAX : Math.min(ROUND_MS_MAX, Math.max(ROUND_MS_MIN, insertMs * ROUND_PER_INSERT));
