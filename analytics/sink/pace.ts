import { INSERT_ROWS_MAX, INSERT_ROWS_MIN } from '../../engine/contract/constants.js';

/**
 * How often the sink inserts. A part has its price whatever its size, so rounds are rare while nobody looks: a lone fact
 * is inserted at once, what follows it gathers for ROUND_MS_UNASKED or up to the rows of insertRowsAfter. Whoever reads
 * asks for the rest first (catch-up.ts), and then rounds come as often as roundMsAfter says.
 *
 * One insert into the embedded ClickHouse, CPU, a quiet moment of a machine with two cores: 11 ms for the part, 3 ms for
 * each of its roll-ups, 4 ms for the fence and 5 ms for reading the block; with every row 2 µs, and half as much again for
 * the merges that follow; on a machine whose caches others use as well four times that. With rounds 900 ms apart the
 * whole of it was a quarter of what a check cost at 10 000 a second, with rounds 5 s apart a tenth.
 *
 * Asked for, a fact waits for at most one round and the insert after it. Where inserts are slow the machine is busy, and
 * rounds keep away from each other, but never so far that inserts of 0.8 s would break the 2 s that reports promise.
 */
export const ROUND_MS_UNASKED = 5_000;
export const ROUND_MS_MIN = 400;
export const ROUND_MS_MAX = 900;
/** Rounds begin at least this many times the last insert's duration apart. */
const ROUND_PER_INSERT = 12;
/** Rows of a round that are no trickle: rounds come as seldom as they may. */
const LOAD_ROWS = 1_000;

/** Time from the start of a round to the start of one that is asked for, after an insert of so many rows that took this long. */
export const roundMsAfter = (insertMs: number, rows: number): number =>
  rows >= LOAD_ROWS ? ROUND_MS_MAX : Math.min(ROUND_MS_MAX, Math.max(ROUND_MS_MIN, insertMs * ROUND_PER_INSERT));

/** Who asks waits for the insert under way and for that of what was gathered: no more is gathered than goes in within this, ms. */
const INSERT_MS_AIM = 400;

/** Rows of the next round at most, after an insert of so many rows that took this long. */
export const insertRowsAfter = (insertMs: number, rows: number): number => {
  const aim = rows * (INSERT_MS_AIM / Math.max(1, insertMs));
  // A small insert says nothing of what a row takes.
  const known = rows >= LOAD_ROWS ? Math.floor(aim) : INSERT_ROWS_MIN;
  return Math.min(INSERT_ROWS_MAX, Math.max(INSERT_ROWS_MIN, known));
};
