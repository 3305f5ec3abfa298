import { setTimeout as delay } from 'node:timers/promises';

/** Rows of one insert, and how long the first of them waits for others. */
const ROWS_MAX = 1_000;
const GATHER_MS = 1_000;
const RETRY_MS_MAX = 10_000;
/** Rows that wait; past it a row is refused. */
const WAITING_ROWS_MAX = 50_000;

export type LogRow = Readonly<Record<string, string | number>>;

interface Waiting {
  readonly row: LogRow;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Gathers rows of one table into inserts, and repeats an insert until it succeeds: a row may be there twice then. */
export class RowBuffer {
  readonly #insert: (rows: readonly LogRow[]) => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  readonly #signal: AbortSignal;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  /** @param signal ends the repeating: what is not in by then is refused. */
  constructor(
    insert: (rows: readonly LogRow[]) => Promise<void>,
    onFailure: (error: unknown) => void,
    signal: AbortSignal,
  ) {
    this.#insert = insert;
    this.#onFailure = onFailure;
    this.#signal = signal;
  }

  /** Resolves once the row is in. @throws Error when it was refused. */
  write(row: LogRow): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= WAITING_ROWS_MAX) return reject(new Error('too many rows wait for ClickHouse'));
      this.#waiting.push({ row, resolve, reject });
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    });
  }

  /** Once everything that waits is in, or refused. */
  async settle(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      await delay(GATHER_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      const some = this.#waiting.splice(0, ROWS_MAX);
      try {
        await this.#repeat(some.map(({ row }) => row));
        for (const { resolve } of some) resolve();
      } catch (error) {
        for (const { reject } of some) reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  async #repeat(rows: readonly LogRow[]): Promise<void> {
    for (let waitMs = GATHER_MS; ; waitMs = Math.min(RETRY_MS_MAX, 2 * waitMs)) {
      try {
        await this.#insert(rows);
        return;
      } catch (error) {
        this.#onFailure(error);
        if (this.#signal.aborted) throw error;
      }
      await delay(waitMs, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }
}
