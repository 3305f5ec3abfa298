const FIRST_MS = 100;
const MOST_MS = 10_000;
/** A process that ran this long was healthy: its next death starts from the shortest pause again. */
const HEALTHY_MS = 30_000;

/** Pauses between restarts: 100 ms, doubled with each death in a row, at most 10 s. */
export class Backoff {
  #deaths = 0;

  /** @param ranMs how long the process ran that has ended now */
  nextMs(ranMs: number): number {
    if (ranMs >= HEALTHY_MS) this.#deaths = 0;
    const pauseMs = Math.min(FIRST_MS * 2 ** this.#deaths, MOST_MS);
    this.#deaths = Math.min(this.#deaths + 1, 16);
    return pauseMs;
  }
}
