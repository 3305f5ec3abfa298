/** Buckets grow by this factor: a quantile is at most 2 % too high. autocannon's own figures are whole milliseconds. */
const FACTOR = 1.02;
const LEAST_MS = 0.01;
const BUCKETS = 1_024;
const SCALE = 1 / Math.log(FACTOR);

/** Latencies from 10 µs up, in buckets of 2 %. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  add(ms: number): void {
    const index = ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / LEAST_MS) * SCALE));
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** Upper bound of the bucket in which this share of the values ends, ms; 0 without values. */
  quantile(share: number): number {
    const wanted = this.#count * share;
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] ?? 0;
      if (seen > 0 && seen >= wanted) return Math.min(this.#maxMs, LEAST_MS * FACTOR ** index);
    }
    return 0;
  }
}
