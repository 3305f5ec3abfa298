import { AMOUNT_MAX, SCALE_MAX } from './constants.js';
import { WeirError } from './errors.js';

/** 10^0 … 10^9, the unit of each scale. */
const POWERS = Array.from({ length: SCALE_MAX + 1 }, (_, scale) => 10 ** scale);
const DECIMAL = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/**
 * Parses an amount as users send it into an integer of the meter's smallest unit (`0.000125` at scale 6 → 125).
 *
 * A JSON number is taken by its shortest decimal form; one with more than 15 significant digits that is no exact
 * integer must come as a string, since its digits are lost already.
 *
 * @throws WeirError `invalid_amount` for a negative, a fraction past the scale, NaN, letters, or a value past 2^53 − 1.
 */
export function parseAmount(value: unknown, scale = 0, field = 'amount'): number {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && value >= 0 && scale === 0) return value;
    if (!Number.isFinite(value)) throw invalid(value, field, 'not a finite number');
    const text = String(value);
    const digits = text
      .replace(/[eE].*$/, '')
      .replace(/[-.]/g, '')
      .replace(/^0+/, '');
    if (digits.length > 15 && !Number.isSafeInteger(value)) {
      throw invalid(value, field, 'more than 15 digits: send a string');
    }
    return parseDecimal(text, scale, value, field);
  }
  if (typeof value === 'string') return parseDecimal(value, scale, value, field);
  throw invalid(value, field, 'not a number');
}

function parseDecimal(text: string, scale: number, value: unknown, field: string): number {
  const match = text.length <= 64 ? DECIMAL.exec(text) : null;
  if (match === null) throw invalid(value, field, 'not a decimal number that is 0 or more');
  const [, whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText) - fraction.length + scale;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 0;
  let integer: string;
  if (exponent >= 0) {
    if (digits.length + exponent > 16) throw invalid(value, field, 'past 9007199254740991');
    integer = digits + '0'.repeat(exponent);
  } else {
    const cut = Math.max(0, digits.length + exponent);
    if (/[1-9]/.test(digits.slice(cut))) throw invalid(value, field, `more than ${scale} fractional digits`);
    integer = digits.slice(0, cut);
  }
  if (integer.length > 16) throw invalid(value, field, 'past 9007199254740991');
  const amount = Number(integer === '' ? '0' : integer);
  if (amount > AMOUNT_MAX) throw invalid(value, field, 'past 9007199254740991');
  return amount;
}

function invalid(value: unknown, field: string, why: string): WeirError {
  // An object is not spelled: its own `toString` is the sender's, and may be no function.
  const isObject = typeof value === 'object' && value !== null;
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : isObject ? 'an object' : String(value);
  return new WeirError('invalid_amount', `${field} is ${shown}: ${why}`, { field });
}

/** An amount as an answer shows it: a number, or a decimal string where the meter has a scale. */
export function formatAmount(amount: number, scale: number): number | string {
  if (scale === 0) return amount;
  const sign = amount < 0 ? '-' : '';
  const digits = String(Math.abs(amount)).padStart(scale + 1, '0');
  const fraction = digits.slice(-scale).replace(/0+$/, '');
  return sign + digits.slice(0, -scale) + (fraction === '' ? '' : `.${fraction}`);
}

/** Least whole amount at which `used × 100 ≥ percent × included` holds: ⌈percent × included ∕ 100⌉, exact. */
export function thresholdAmount(percent: number, included: number): number {
  const product = BigInt(percent) * BigInt(included);
  return Number((product + 99n) / 100n);
}

/** Floor division of two safe integers, exact where `Math.floor(a / b)` may round up; b > 0. */
export function floorDiv(a: number, b: number): number {
  return (a - (((a % b) + b) % b)) / b;
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** A refill rate in lowest terms, so that one rate has one spelling and exact arithmetic reaches furthest. */
export function lowestTerms(amount: number, everyMs: number): { amount: number; everyMs: number } {
  const divisor = greatestCommonDivisor(amount, everyMs);
  return { amount: amount / divisor, everyMs: everyMs / divisor };
}

/**
 * True when a bucket's arithmetic stays exact in doubles: with amount ∕ everyMs in lowest terms,
 * everyMs × (amount + 1) ≤ 2^53 − 1 (semantics.md, bucket).
 */
export function isExactRate(amount: number, everyMs: number): boolean {
  const rate = lowestTerms(amount, everyMs);
  return BigInt(rate.everyMs) * (BigInt(rate.amount) + 1n) <= BigInt(AMOUNT_MAX);
}

/** One unit of a meter in its smallest units: 10^scale. */
export function unitOf(scale: number): number {
  return POWERS[scale] ?? 1;
}
