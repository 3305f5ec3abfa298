import { DIALECTS } from './dialects.js';
import { LatencyHistogram } from './histogram.js';
import { HttpConnection } from './http-connection.js';
import type { LoadJob, LoadResult } from './job.js';
import { checkAt, largestAmount, requestWriter } from './requests.js';
import { Tally } from './tally.js';

/**
 * Arrivals that are due within it are sent together, unless an answer wakes the generator before. As wrk2's clock; one
 * of a tenth of it took half a core from what is measured, on both sides, and made the tail its own.
 */
const TICK_MS = 1;
/** From the last arrival until what is unanswered counts as lost. */
const TIMEOUT_MS = 10_000;

/**
 * Checks at a constant rate, whatever their answers take: the n-th is due n / rate after the start. Its latency counts
 * from that moment, not from when it was sent: where no connection is free it waits, and that is latency too, or a
 * server that stalls would be asked less just then (coordinated omission). All that were due count in the quantiles,
 * those too that are answered late. autocannon's `overallRate` counts from when it sent, and corrects by a guess afterwards.
 *
 * Customers are drawn at random, evenly, so that a cache smaller than their number has its misses.
 *
 * @throws Error where the job has no rate and time.
 */
export async function generateOpenLoop(job: LoadJob): Promise<LoadResult> {
  const { ratePerSecond, seconds, workload } = job;
  if (ratePerSecond === undefined || seconds === undefined || workload !== 'single') {
    throw new Error('an open loop is for single checks, and needs a rate and a time');
  }
  const loop = new OpenLoop(job, ratePerSecond, seconds);
  await loop.connect();
  return loop.run();
}

class OpenLoop {
  readonly #job: LoadJob;
  readonly #everyMs: number;
  readonly #seconds: number;
  readonly #arrivals: number;
  readonly #tally: Tally;
  readonly #histogram = new LatencyHistogram();
  readonly #connections: HttpConnection[] = [];
  readonly #free: HttpConnection[] = [];
  readonly #write: (path: string, body: string) => string;
  readonly #draw: (below: number) => number;
  #startedMs = 0;
  #sent = 0;
  #answered = 0;
  #answeredInTime = 0;
  #onFinished: () => void = () => undefined;

  constructor(job: LoadJob, ratePerSecond: number, seconds: number) {
    this.#job = job;
    this.#everyMs = 1_000 / ratePerSecond;
    this.#seconds = seconds;
    // Of each run its own: else the warm-up would ask for the very customers of the round, and they would be cached.
    this.#draw = drawer(Number.parseInt(job.run, 16));
    this.#arrivals = Math.max(1, Math.round(ratePerSecond * seconds));
    const dialect = DIALECTS[job.dialect];
    this.#tally = new Tally(dialect);
    this.#write = requestWriter(job);
  }

  async connect(): Promise<void> {
    const open = () => HttpConnection.open(this.#job.baseUrl, () => this.#finishIfGone());
    this.#connections.push(...(await Promise.all(Array.from({ length: this.#job.connections }, open))));
    this.#free.push(...this.#connections);
  }

  async run(): Promise<LoadResult> {
    const finished = new Promise<void>((resolve) => {
      this.#onFinished = resolve;
    });
    this.#startedMs = performance.now();
    const clock = setInterval(() => this.#sendDue(), TICK_MS);
    const timer = setTimeout(() => this.#onFinished(), this.#seconds * 1_000 + TIMEOUT_MS);
    await finished;
    clearInterval(clock);
    clearTimeout(timer);
    for (const connection of this.#connections) connection.close();
    for (let lost = this.#answered; lost < this.#arrivals; lost++) {
      this.#histogram.add(TIMEOUT_MS);
      if (lost < this.#sent) this.#tally.unanswered(largestAmount(this.#job));
    }
    return {
      ...this.#tally.result(),
      seconds: this.#seconds,
      requests: this.#answeredInTime,
      decisions: Math.max(0, this.#answeredInTime - this.#tally.undecided),
      p50Ms: this.#histogram.quantile(0.5),
      p99Ms: this.#histogram.quantile(0.99),
      maxMs: this.#histogram.maxMs,
    };
  }

  /** Sends what is due as far as connections are free; the n-th is due `n` steps after the start. */
  #sendDue(): void {
    const due = Math.min(this.#arrivals, Math.floor((performance.now() - this.#startedMs) / this.#everyMs) + 1);
    while (this.#sent < due) {
      const connection = this.#free.pop();
      if (connection === undefined) return;
      if (connection.isOpen) this.#send(connection, this.#startedMs + this.#sent++ * this.#everyMs);
    }
  }

  #send(connection: HttpConnection, dueMs: number): void {
    const asked = checkAt(this.#job.customers, this.#draw(this.#job.customers.length));
    const { path, body } = DIALECTS[this.#job.dialect];
    connection.send(this.#write(path, body(asked, this.#job.quota)), (status, text) => {
      const nowMs = performance.now();
      this.#histogram.add(nowMs - dueMs);
      this.#tally.check(asked, status, text);
      this.#answered += 1;
      if (nowMs - this.#startedMs <= this.#seconds * 1_000) this.#answeredInTime += 1;
      this.#free.push(connection);
      if (this.#answered === this.#arrivals) this.#onFinished();
      else this.#sendDue();
    });
  }

  #finishIfGone(): void {
    if (this.#connections.every(({ isOpen }) => !isOpen)) this.#onFinished();
  }
}

/** Numbers below a bound, evenly: a linear congruential generator of 32 bits. */
function drawer(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // Numerical Recipes, 3rd edition, 7.1.4.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
