import { z } from 'zod';

/** A 64-bit sum as ClickHouse sends it: text, so that no digit is lost. */
export const sumSchema = z
  .string()
  .regex(/^-?\d+$/)
  .transform((text) => BigInt(text));

/** A sum as an answer shows it: a number, or a decimal string where the meter has a scale or a double would not hold it. */
export function formatSum(sum: bigint, scale: number): number | string {
  if (scale === 0) return isSafe(sum) ? Number(sum) : String(sum);
  const sign = sum < 0n ? '-' : '';
  const digits = String(sum < 0n ? -sum : sum).padStart(scale + 1, '0');
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  return sign + digits.slice(0, -scale) + (fraction === '' ? '' : `.${fraction}`);
}

const isSafe = (value: bigint): boolean =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);

/** `part` in percent of `whole`, to two decimals, half up; null where there is no whole. */
export function percentOf(part: bigint, whole: bigint): number | null {
  if (whole <= 0n) return null;
  const hundredths = (part * 20_000n + whole) / (2n * whole);
  return Number(hundredths) / 100;
}

/** The sum of decimals of different scales, exact: their amounts at the largest scale. */
export class DecimalSum {
  #amount = 0n;
  #scale = 0;

  add(amount: bigint, scale: number): void {
    if (scale > this.#scale) {
      this.#amount *= 10n ** BigInt(scale - this.#scale);
      this.#scale = scale;
    }
    this.#amount += amount * 10n ** BigInt(this.#scale - scale);
  }

  format(): number | string {
    return formatSum(this.#amount, this.#scale);
  }

  /** In percent of another sum, as percentOf. */
  percentOf(whole: DecimalSum): number | null {
    const scale = Math.max(this.#scale, whole.#scale);
    return percentOf(this.#at(scale), whole.#at(scale));
  }

  #at(scale: number): bigint {
    return this.#amount * 10n ** BigInt(scale - this.#scale);
  }
}

export const greater = (left: bigint, right: bigint): bigint => (left > right ? left : right);
