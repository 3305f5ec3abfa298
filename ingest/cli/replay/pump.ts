import { setTimeout as delay } from 'node:timers/promises';
import type { Destination } from './destination.js';
import type { Item, Mapping } from './mapping.js';
import type { Row } from './rows.js';
import type { Tally } from './tally.js';

export interface PumpOptions {
  readonly batchMax: number;
  /** Batches in flight. */
  readonly concurrency: number;
  /** How much faster than recorded; undefined: as fast as possible. */
  readonly speed: number | undefined;
  readonly signal: AbortSignal;
}

export type PumpEnd =
  | { readonly status: 'done' }
  /** By Ctrl-C: what was read before is sent. */
  | { readonly status: 'interrupted' }
  /** A batch failed as a whole; the others under way were waited for. */
  | { readonly status: 'failed'; readonly error: unknown };

/** Longest time that a row of a paced replay waits for company. */
const LINGER_MS = 100;

/**
 * Sends rows in batches, some at once. Memory is bounded by them: no row is read while as many batches are in flight
 * as may be.
 *
 *   a block of rows → mapped → (paced) → a full batch → a free place → sent → tallied
 */
export async function pump(
  blocks: AsyncIterable<readonly Row[]>,
  mapping: Mapping,
  destination: Destination,
  tally: Tally,
  options: PumpOptions,
): Promise<PumpEnd> {
  const { signal } = options;
  const flights = new Flights(destination, tally, options.concurrency);
  const pace = options.speed === undefined ? undefined : new Pace(options.speed);
  let batch: Item[] = [];
  let batchSinceMs = 0;
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const full = batch;
    batch = [];
    await flights.start(full);
  };
  const isOver = (): boolean => signal.aborted || flights.failure !== undefined;

  reading: for await (const rows of blocks) {
    for (const row of rows) {
      if (isOver()) break reading;
      const item = mapping.map(row);
      if ('code' in item) {
        tally.bad(item);
        continue;
      }
      if (pace !== undefined && item.atMs !== undefined) {
        const waitMs = pace.waitMs(item.atMs);
        if (batch.length > 0 && performance.now() + waitMs > batchSinceMs + LINGER_MS) await flush();
        // Aborted while waiting: the loop sees it at the next row.
        if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
        if (isOver()) break reading;
      }
      if (batch.length === 0) batchSinceMs = performance.now();
      batch.push(item);
      if (batch.length >= options.batchMax) await flush();
    }
  }
  if (flights.failure === undefined) await flush();
  await flights.landed();
  if (flights.failure !== undefined) return { status: 'failed', error: flights.failure.error };
  return { status: signal.aborted ? 'interrupted' : 'done' };
}

/** Batches in flight, up to a bound. */
class Flights {
  readonly #destination: Destination;
  readonly #tally: Tally;
  readonly #max: number;
  readonly #inFlight = new Set<Promise<void>>();
  failure: { readonly error: unknown } | undefined;

  constructor(destination: Destination, tally: Tally, max: number) {
    this.#destination = destination;
    this.#tally = tally;
    this.#max = max;
  }

  /** Resolves when the batch has taken off, which is when a place was free. */
  async start(items: readonly Item[]): Promise<void> {
    while (this.#inFlight.size >= this.#max) await Promise.race(this.#inFlight);
    const flight = this.#fly(items).finally(() => this.#inFlight.delete(flight));
    this.#inFlight.add(flight);
  }

  async landed(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async #fly(items: readonly Item[]): Promise<void> {
    try {
      this.#tally.batch(items, await this.#destination(items));
    } catch (error) {
      this.failure ??= { error };
    }
  }
}

/** When a recorded time is due, counted from the first one. A row that is late by itself is due at once. */
class Pace {
  readonly #speed: number;
  #origin: { readonly recordedMs: number; readonly startedMs: number } | undefined;

  constructor(speed: number) {
    this.#speed = speed;
  }

  waitMs(recordedMs: number): number {
    this.#origin ??= { recordedMs, startedMs: performance.now() };
    const dueMs = this.#origin.startedMs + (recordedMs - this.#origin.recordedMs) / this.#speed;
    return Math.min(TIMER_MS_MAX, Math.max(0, dueMs - performance.now()));
  }
}

/** Longer timers overflow and fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
