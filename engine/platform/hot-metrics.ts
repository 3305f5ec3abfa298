/** Upper bounds of the latencies that are counted: fine below a millisecond, where checks live. One more count is for what took longer. */
export const LATENCY_BOUNDS_SECONDS = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/**
 * Counts kept as plain numbers and handed to prom-client when it is scraped: an `inc` with labels there hashes them
 * every time, which a check in microseconds feels.
 */
export class HotCounter {
  #count = 0;

  inc(): void {
    this.#count += 1;
  }

  take(): number {
    const count = this.#count;
    this.#count = 0;
    return count;
  }
}

/** A histogram's counts for one set of labels, kept like HotCounter's until the scrape. */
export class HotHistogram {
  readonly #counts = new Float64Array(LATENCY_BOUNDS_SECONDS.length + 1);
  #sumSeconds = 0;

  observeMs(ms: number): void {
    const seconds = ms / 1_000;
    let index = 0;
    while (index < LATENCY_BOUNDS_SECONDS.length && seconds > (LATENCY_BOUNDS_SECONDS[index] ?? 0)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sumSeconds += seconds;
  }

  /** Cumulative counts by upper bound, the sum in seconds and the count, since the process began. */
  values(): { buckets: { le: number | string; count: number }[]; sum: number; count: number } {
    let count = 0;
    const buckets = [...this.#counts].map((own, index) => {
      count += own;
      return { le: LATENCY_BOUNDS_SECONDS[index] ?? '+Inf', count };
    });
    return { buckets, sum: this.#sumSeconds, count };
  }
}
