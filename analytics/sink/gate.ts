/** Lets loops wait for each other: `wait` resolves at the next `open`, or when its time has passed. */
export class Gate {
  #waiting: (() => void)[] = [];

  open(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** @param timeoutMs undefined: as long as it takes. */
  wait(timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
