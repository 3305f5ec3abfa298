/** Values of events: read from text, put into place, and added up without losing a digit. */

/** Text of a cell: a number where its spelling survives that, else the text itself (`007`, `0.10`, `1e3`). */
export function valueOfText(text: string): number | string {
  const number = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : text;
}

/** Puts a value at a path of objects. @returns false when something that is no object is in the way. */
export function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): boolean {
  let object = target;
  for (const name of path.slice(0, -1)) {
    const next = Object.hasOwn(object, name) ? object[name] : undefined;
    if (next === undefined) {
      const made: Record<string, unknown> = {};
      define(object, name, made);
      object = made;
    } else if (isPlainObject(next)) object = next;
    else return false;
  }
  const last = path.at(-1) ?? '';
  if (Object.hasOwn(object, last)) return false;
  define(object, last, value);
  return true;
}

/** As an own property, whatever its name. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  // An assignment is fifty times faster, but would set the prototype.
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const DECIMAL = /^(\d{1,64})(?:\.(\d{1,64}))?(?:[eE]([+-]?\d{1,2}))?$/;

interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

/** A decimal of 0 or more, as amounts are; undefined for anything else. */
function parseDecimal(value: unknown): Decimal | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const match = DECIMAL.exec(String(value).trim());
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const scale = fraction.length - Number(exponent);
  const units = BigInt(whole + fraction);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

/** True for what can be added up. */
export const isAmount = (value: unknown): value is number | string => parseDecimal(value) !== undefined;

/** An exact sum of decimals of any scale. */
export class DecimalSum {
  /** Whole numbers on the way to `#units`: adding doubles is a hundred times faster than adding bigints. */
  #whole = 0;
  #units = 0n;
  #scale = 0;

  /** @returns false for what is no decimal of 0 or more. */
  add(value: unknown): boolean {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
      const sum = this.#whole + value;
      if (Number.isSafeInteger(sum)) this.#whole = sum;
      else {
        this.#addDecimal({ units: BigInt(this.#whole), scale: 0 });
        this.#whole = value;
      }
      return true;
    }
    const decimal = parseDecimal(value);
    if (decimal === undefined) return false;
    this.#addDecimal(decimal);
    return true;
  }

  /** A number where a double holds it exactly and it is whole, else its decimal text. */
  value(): number | string {
    if (this.#units === 0n && this.#scale === 0) return this.#whole;
    this.#addDecimal({ units: BigInt(this.#whole), scale: 0 });
    this.#whole = 0;
    const digits = String(this.#units).padStart(this.#scale + 1, '0');
    const whole = digits.slice(0, digits.length - this.#scale);
    const fraction = this.#scale === 0 ? '' : digits.slice(-this.#scale).replace(/0+$/, '');
    if (fraction !== '') return `${whole}.${fraction}`;
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
  }

  #addDecimal({ units, scale }: Decimal): void {
    if (scale > this.#scale) {
      this.#units *= 10n ** BigInt(scale - this.#scale);
      this.#scale = scale;
    }
    this.#units += units * 10n ** BigInt(this.#scale - scale);
  }
}
