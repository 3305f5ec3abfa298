/** A line of Prometheus's text format: name, labels, value. */
const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)/i;

/**
 * Sums of series by name, out of the text of `/metrics`: the one place where this process's numbers and those of relay
 * and sink stand together, whichever processes they are.
 */
export class MetricsText {
  readonly #sums = new Map<string, number>();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const match = SAMPLE.exec(line);
      const value = Number(match?.[3] ?? Number.NaN);
      const name = match?.[1];
      if (name === undefined || Number.isNaN(value)) continue;
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
    }
  }

  /** Null where nobody tells it. */
  sum(name: string): number | null {
    return this.#sums.get(name) ?? null;
  }
}
