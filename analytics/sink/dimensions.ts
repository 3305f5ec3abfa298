import { z } from 'zod';
import type { FactColumns } from './fact-columns.js';

/** Distinct sets of dimensions that are remembered; models times regions are some dozens. */
const CACHE_MAX = 4_096;

const dimensionsSchema = z.record(z.string(), z.string());

/** Appends a fact's dimensions, which come as JSON text; the same text is parsed once. */
export class Dimensions {
  readonly #parsed = new Map<string, readonly (readonly [string, string])[]>();

  /** @throws SyntaxError for text that is no JSON object of strings. */
  append(columns: FactColumns, bytes: Buffer, start: number, end: number): void {
    if (start !== end) {
      for (const [name, value] of this.#pairs(bytes.toString('utf8', start, end))) {
        columns.dimensionKeys.push(name);
        columns.dimensionValues.push(value);
      }
    }
    columns.endDimensions();
  }

  #pairs(text: string): readonly (readonly [string, string])[] {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const parsed = dimensionsSchema.safeParse(JSON.parse(text));
    if (!parsed.success) throw new SyntaxError('dimensions are not a JSON object of strings');
    const pairs = Object.entries(parsed.data);
    if (this.#parsed.size >= CACHE_MAX) this.#parsed.clear();
    this.#parsed.set(text, pairs);
    return pairs;
  }
}
