/**
 * An action that many ask for at once. What is under way may have begun before the thing that a later caller is after
 * happened; so that caller shares the next run with all others who came meanwhile.
 */
export class SharedRun<T> {
  readonly #action: () => Promise<T>;
  #current: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(action: () => Promise<T>) {
    this.#action = action;
  }

  /** Resolves with a run that began after this call. */
  run(): Promise<T> {
    if (this.#current === undefined) {
      const run = this.#action().finally(() => {
        this.#current = undefined;
      });
      this.#current = run;
      return run;
    }
    this.#next ??= this.#current
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.run();
      });
    return this.#next;
  }
}
