import { type ErrorCode, WeirError } from '../contract/errors.js';

/** Pause before the next probe: doubled after each that fails. */
const PROBE_PAUSE_MS_MIN = 50;
export const PROBE_PAUSE_MS_MAX = 1_000;
/** A timer this late was kept by work of this process. */
const LATE_MS = 10;

/** Counted over all shards, for metrics and tests. */
export interface BreakerCounters {
  /** Times a breaker opened. */
  opened: number;
  /** Operations refused without being queued. */
  refused: number;
  probes: number;
  probesFailed: number;
}

export const newBreakerCounters = (): BreakerCounters => ({ opened: 0, refused: 0, probes: 0, probesFailed: 0 });

export interface BreakerOptions {
  /** One question to Redis that shows whether it decides. Rejects where it does not; may take as long as it likes. */
  readonly probe: () => Promise<void>;
  readonly counters: BreakerCounters;
  /** A read that `guard` watches is suspicious after this long, and so is the probe then sent; ms. */
  readonly suspectMs: number;
}

/**
 * The circuit breaker of one shard.
 *
 *   closed ──trip──► open ──the pause is over, or a sign of life──► half open ──the probe is answered──► closed
 *                      ▲                                                │
 *                      └───────────────── the probe fails ──────────────┘
 *
 * closed     operations go to Redis.
 * open       every operation is refused at once: none waits, none piles up behind a Redis that does not answer.
 * half open  the same, while one probe is under way. A probe is a question of our own and no caller's operation, whose
 *            fate would be unknown where it fails. One at a time: a Redis that is silent is not asked again before the
 *            first question has found its end.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #state: 'closed' | 'open' | 'half_open' = 'closed';
  #cause: ErrorCode = 'store_unavailable';
  #detail: string | undefined;
  #pauseMs = PROBE_PAUSE_MS_MIN;
  #timer: NodeJS.Timeout | undefined;
  #probing = false;
  #stopped = false;
  /** Guarded reads that end when it opens. */
  readonly #guarded = new Set<() => void>();
  #told: ((isOpen: boolean, cause: ErrorCode) => void) | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): 'closed' | 'open' | 'half_open' {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state !== 'closed';
  }

  /** Why it is open, or was last. */
  get cause(): ErrorCode {
    return this.#cause;
  }

  /** Told each time it opens, and each time operations go to Redis again. */
  onChange(told: (isOpen: boolean, cause: ErrorCode) => void): void {
    this.#told = told;
  }

  /** The error of an operation that is refused at once; counted. */
  refusal(): WeirError {
    this.#options.counters.refused++;
    return new WeirError(this.#cause, this.#detail);
  }

  /** Redis did not answer, or does not decide. Opens, and asks at once whether that is still so. */
  trip(cause: ErrorCode, detail?: string): void {
    if (this.#stopped || this.#state !== 'closed') return;
    this.#open(cause, detail);
    this.signOfLife();
  }

  /** Something was heard of Redis while open: asks at once, without waiting for the pause to end. */
  signOfLife(): void {
    if (this.#state === 'closed') return;
    this.#pauseMs = PROBE_PAUSE_MS_MIN;
    this.#ask();
  }

  /**
   * Waits for a read of the catalog as long as Redis can be reached. A read alone tells nothing of Redis, since a large
   * one may take its time: where it is slow, a probe is sent beside it.
   * @throws WeirError as operations hear it, as soon as the breaker is open; the read's own errors.
   */
  guard<T>(read: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isOpen) {
        setImmediate(reject, this.refusal());
        return;
      }
      const opened = (): void => {
        end();
        reject(this.refusal());
      };
      const timer = setInterval(() => this.#suspect(), this.#options.suspectMs);
      const end = (): void => {
        clearInterval(timer);
        this.#guarded.delete(opened);
      };
      this.#guarded.add(opened);
      read().then(resolve, reject).finally(end);
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #suspect(): void {
    if (this.#probing || this.isOpen) return;
    let timer: NodeJS.Timeout;
    let isSettled = false;
    const wait = (): void => {
      const dueMs = Date.now() + this.#options.suspectMs;
      timer = setTimeout(() => {
        // A timer that comes late says that this process was busy, and the reply may lie unread: that is no silence.
        if (Date.now() - dueMs > LATE_MS) wait();
        else setImmediate(() => isSettled || this.trip('store_unavailable'));
      }, this.#options.suspectMs);
    };
    wait();
    this.#probe(() => {
      isSettled = true;
      clearTimeout(timer);
    });
  }

  #open(cause: ErrorCode, detail?: string): void {
    this.#state = 'open';
    this.#cause = cause;
    this.#detail = detail;
    this.#pauseMs = PROBE_PAUSE_MS_MIN;
    this.#options.counters.opened++;
    for (const opened of [...this.#guarded]) opened();
    this.#told?.(true, cause);
  }

  #ask(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#state = 'half_open';
    if (!this.#probing) this.#probe(() => undefined);
  }

  #probe(settled: () => void): void {
    const { probe, counters } = this.#options;
    this.#probing = true;
    counters.probes++;
    probe().then(
      () => {
        this.#probing = false;
        settled();
        this.#close();
      },
      (error: unknown) => {
        this.#probing = false;
        settled();
        counters.probesFailed++;
        this.#stayOpen(error);
      },
    );
  }

  #close(): void {
    if (this.#state === 'closed') return;
    clearTimeout(this.#timer);
    this.#state = 'closed';
    this.#told?.(false, this.#cause);
  }

  #stayOpen(error: unknown): void {
    if (this.#stopped) return;
    const cause = error instanceof WeirError ? error.code : 'store_unavailable';
    const detail = error instanceof Error && !(error instanceof WeirError) ? error.message.slice(0, 200) : undefined;
    if (this.#state === 'closed') this.#open(cause, detail);
    this.#state = 'open';
    this.#cause = cause;
    this.#detail = detail;
    this.#timer = setTimeout(() => this.#ask(), this.#pauseMs);
    this.#timer.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, PROBE_PAUSE_MS_MAX);
  }
}
