/** Exact decimals: amounts come as text, since a number would lose digits past 2^53 and fractions past a binary one. */

export interface Decimal {
  /** The value times 10^scale. */
  readonly units: bigint;
  readonly scale: number;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

export const ZERO: Decimal = { units: 0n, scale: 0 };

/** @throws RangeError for text that is no plain decimal. */
export function parseDecimal(text: string): Decimal {
  const match = DECIMAL.exec(text);
  if (match === null) throw new RangeError(`${text} is no decimal`);
  const [, sign = '', whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

export function add(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { units: unitsAt(left, scale) + unitsAt(right, scale), scale };
}

export function compare(left: Decimal, right: Decimal): number {
  const scale = Math.max(left.scale, right.scale);
  const difference = unitsAt(left, scale) - unitsAt(right, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

const unitsAt = (value: Decimal, scale: number): bigint => value.units * 10n ** BigInt(scale - value.scale);

/** The shortest text: no zeros at the end of a fraction. */
export function decimalText({ units, scale }: Decimal): string {
  const sign = units < 0n ? '-' : '';
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const fraction = scale === 0 ? '' : digits.slice(-scale).replace(/0+$/, '');
  return sign + (scale === 0 ? digits : digits.slice(0, -scale)) + (fraction === '' ? '' : `.${fraction}`);
}

/** For drawing and sorting only: the nearest double. */
export const decimalNumber = (value: Decimal): number => Number(decimalText(value));

/**
 * Percent that `part` is of `whole`, to one decimal, rounded down: 99.96 % is not shown as all. Null where there is no
 * whole.
 */
export function percentOf(part: Decimal, whole: Decimal): number | null {
  const scale = Math.max(part.scale, whole.scale);
  const wholeUnits = unitsAt(whole, scale);
  if (wholeUnits <= 0n) return null;
  return Number((unitsAt(part, scale) * 1_000n) / wholeUnits) / 10;
}
