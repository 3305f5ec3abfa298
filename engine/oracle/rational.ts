/** Exact fractions for bucket levels. Slow and plain on purpose: the engine's own arithmetic is tested against it. */
export interface Rational {
  readonly numerator: bigint;
  /** Above 0; the fraction is in lowest terms. */
  readonly denominator: bigint;
}

/** @throws RangeError unless the denominator is above 0. */
export function fraction(numerator: bigint, denominator: bigint): Rational {
  if (denominator <= 0n) throw new RangeError(`denominator ${denominator}`);
  const divisor = greatestCommonDivisor(numerator < 0n ? -numerator : numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

export const whole = (value: bigint): Rational => ({ numerator: value, denominator: 1n });

export const add = (a: Rational, b: Rational): Rational =>
  fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);

export const negate = (a: Rational): Rational => ({ numerator: -a.numerator, denominator: a.denominator });

export const subtract = (a: Rational, b: Rational): Rational => add(a, negate(b));

/** @throws RangeError unless b is above 0. */
export const divide = (a: Rational, b: Rational): Rational =>
  fraction(a.numerator * b.denominator, a.denominator * b.numerator);

export const isBelow = (a: Rational, b: Rational): boolean => a.numerator * b.denominator < b.numerator * a.denominator;

export const least = (a: Rational, b: Rational): Rational => (isBelow(b, a) ? b : a);

/** Largest whole number that is not above the fraction. */
export function floor({ numerator, denominator }: Rational): bigint {
  const quotient = numerator / denominator;
  return numerator < 0n && quotient * denominator !== numerator ? quotient - 1n : quotient;
}

/** Least whole number that is not below the fraction. */
export const ceil = (a: Rational): bigint => -floor(negate(a));

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}
