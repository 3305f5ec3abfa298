/**
 * An answer that is asked for more often than it may be worked out: of many open consoles, each polling, one pays. A
 * failure is not kept: the next who asks tries again.
 */
export class Remembered<T> {
  readonly #work: () => Promise<T>;
  readonly #ageMsMax: number;
  readonly #now: () => number;
  #value: { readonly of: T; readonly atMs: number } | undefined;
  #working: Promise<T> | undefined;

  constructor(work: () => Promise<T>, ageMsMax: number, now: () => number = Date.now) {
    this.#work = work;
    this.#ageMsMax = ageMsMax;
    this.#now = now;
  }

  /** The answer, at most `ageMsMax` old. @throws what the work throws. */
  async get(): Promise<T> {
    if (this.#value !== undefined && this.#now() - this.#value.atMs <= this.#ageMsMax) return this.#value.of;
    return await this.#renew();
  }

  /** The answer of before, however old, while a new one is on its way; null until the first has come. */
  async latest(): Promise<T | null> {
    const fresh = this.get();
    if (this.#value === undefined) {
      // Whoever waits for it hears of its failure; nobody does yet, and the next question asks again.
      fresh.catch(() => undefined);
      return null;
    }
    const { of } = this.#value;
    fresh.catch(() => undefined);
    return of;
  }

  #renew(): Promise<T> {
    this.#working ??= this.#work()
      .then((of) => {
        this.#value = { of, atMs: this.#now() };
        return of;
      })
      .finally(() => {
        this.#working = undefined;
      });
    return this.#working;
  }
}
