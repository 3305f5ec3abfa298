import type { BadRow, Item } from './mapping.js';
import { DecimalSum } from './values.js';

/** What became of one batch. */
export interface BatchOutcome {
  readonly accepted: number;
  readonly duplicates: number;
  /** Sent more than once: up to so many of `duplicates` are this run's own. */
  readonly resent: number;
  /** `index` within the batch. */
  readonly rejected: readonly { readonly index: number; readonly code: string; readonly message: string }[];
  /** Denied checks: their places and reasons. */
  readonly denied: readonly { readonly index: number; readonly reason: string }[];
}

/** Rejections that are told one by one. */
const TOLD_MAX = 10;
/** Names that are added up; a log with more columns is no list of amounts. */
const TOTALS_MAX = 64;

/** Counts what became of the rows. */
export class Tally {
  rows = 0;
  accepted = 0;
  duplicates = 0;
  resent = 0;
  readonly rejected = new Map<string, number>();
  readonly denied = new Map<string, number>();
  /** Sums over what was charged, now or before: by name. */
  readonly #totals = new Map<string, DecimalSum | undefined>();
  readonly #customers = new Set<string>();
  #first: Item | undefined;
  #last: Item | undefined;
  #told = 0;
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  get rejections(): number {
    return [...this.rejected.values()].reduce((sum, count) => sum + count, 0);
  }

  /** A row that could not be sent. */
  bad({ line, code, message }: BadRow): void {
    this.rows += 1;
    this.#reject(line, code, message);
  }

  batch(items: readonly Item[], outcome: BatchOutcome): void {
    this.rows += items.length;
    this.accepted += outcome.accepted;
    this.duplicates += outcome.duplicates;
    this.resent += Math.min(outcome.resent, outcome.duplicates);
    for (const { index, code, message } of outcome.rejected) this.#reject(items[index]?.line ?? 0, code, message);
    for (const { reason } of outcome.denied) this.denied.set(reason, (this.denied.get(reason) ?? 0) + 1);
    const left = new Set([...outcome.rejected, ...outcome.denied].map(({ index }) => index));
    items.forEach((item, index) => {
      if (!left.has(index)) this.#charged(item);
    });
  }

  /** Sums of the amounts, by name; names that also had other values are left out. */
  totals(): Record<string, number | string> {
    const entries = [...this.#totals].flatMap(([name, sum]) =>
      sum === undefined ? [] : [[name, sum.value()] as const],
    );
    return Object.fromEntries(entries);
  }

  get customers(): number {
    return this.#customers.size;
  }

  /** The earliest and the latest time that was charged. */
  get span(): { readonly first: string; readonly last: string } | undefined {
    const [first, last] = [this.#first?.time, this.#last?.time];
    return first === undefined || last === undefined ? undefined : { first, last };
  }

  #charged(item: Item): void {
    if (this.#customers.size < CUSTOMERS_COUNTED_MAX) this.#customers.add(item.customer);
    if (item.atMs !== undefined) {
      if (this.#first?.atMs === undefined || item.atMs < this.#first.atMs) this.#first = item;
      if (this.#last?.atMs === undefined || item.atMs >= this.#last.atMs) this.#last = item;
    }
    for (const [name, value] of item.amounts) {
      if (!this.#totals.has(name)) {
        if (this.#totals.size >= TOTALS_MAX) continue;
        this.#totals.set(name, new DecimalSum());
      }
      if (this.#totals.get(name)?.add(value) === false) this.#totals.set(name, undefined);
    }
  }

  #reject(line: number, code: string, message: string): void {
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + 1);
    this.#told += 1;
    if (this.#told <= TOLD_MAX) this.#tell(`line ${line}: ${code}: ${message}`);
    else if (this.#told === TOLD_MAX + 1) this.#tell('further rejections are only counted');
  }
}

/** Different customers that are told apart for the count. */
const CUSTOMERS_COUNTED_MAX = 1_000_000;
