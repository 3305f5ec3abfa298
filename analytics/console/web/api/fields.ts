/** Reads what the server answered, field by field: a change of the API is a named fault, not an `undefined` on the page. */

/** An answer that is not what this page was built for. */
export class ShapeError extends Error {
  constructor(path: string, wanted: string) {
    super(`The answer has no ${wanted} at ${path === '' ? 'its top' : path}.`);
    this.name = 'ShapeError';
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const PLAIN_DECIMAL = /^-?\d+(\.\d+)?$/;

/** One object of an answer. Every method throws ShapeError where the field is not what it says. */
export class Fields {
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path = '') {
    if (!isRecord(value)) throw new ShapeError(path, 'object');
    this.#record = value;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#record[name] !== undefined && this.#record[name] !== null;
  }

  names(): string[] {
    return Object.keys(this.#record);
  }

  /** Whatever is there. */
  raw(name: string): unknown {
    return this.#record[name];
  }

  text(name: string): string {
    const value = this.#record[name];
    if (typeof value !== 'string') throw this.#fault(name, 'text');
    return value;
  }

  textOr<T>(name: string, otherwise: T): string | T {
    return this.has(name) ? this.text(name) : otherwise;
  }

  number(name: string): number {
    const value = this.#record[name];
    if (typeof value !== 'number') throw this.#fault(name, 'number');
    return value;
  }

  numberOrNull(name: string): number | null {
    return this.has(name) ? this.number(name) : null;
  }

  flag(name: string): boolean {
    const value = this.#record[name];
    if (typeof value !== 'boolean') throw this.#fault(name, 'true or false');
    return value;
  }

  /** An amount: a number, or a decimal in text where a number would lose digits. Kept as text, so that none is lost here. */
  amount(name: string): string {
    const value = this.#record[name];
    const text = typeof value === 'number' ? plainDecimal(value) : value;
    if (typeof text !== 'string' || !PLAIN_DECIMAL.test(text)) throw this.#fault(name, 'amount');
    return text;
  }

  amountOrNull(name: string): string | null {
    return this.has(name) ? this.amount(name) : null;
  }

  /** RFC 3339 as milliseconds since 1970. */
  instant(name: string): number {
    const ms = Date.parse(this.text(name));
    if (Number.isNaN(ms)) throw this.#fault(name, 'time');
    return ms;
  }

  instantOrNull(name: string): number | null {
    return this.has(name) ? this.instant(name) : null;
  }

  object(name: string): Fields {
    return new Fields(this.#record[name], this.#at(name));
  }

  objectOrNull<T>(name: string, read: (fields: Fields) => T): T | null {
    return this.has(name) ? read(this.object(name)) : null;
  }

  /** The objects in a list. */
  list<T>(name: string, read: (fields: Fields) => T): T[] {
    const value = this.#record[name];
    if (!Array.isArray(value)) throw this.#fault(name, 'list');
    return value.map((item: unknown, index) => read(new Fields(item, `${this.#at(name)}[${index}]`)));
  }

  texts(name: string): string[] {
    const value = this.#record[name];
    if (!Array.isArray(value)) throw this.#fault(name, 'list');
    return value.map((item: unknown) => {
      if (typeof item !== 'string') throw this.#fault(name, 'list of texts');
      return item;
    });
  }

  numbers(name: string): number[] {
    const value = this.#record[name];
    if (!Array.isArray(value)) throw this.#fault(name, 'list');
    return value.map((item: unknown) => {
      if (typeof item !== 'number') throw this.#fault(name, 'list of numbers');
      return item;
    });
  }

  /** The objects in a record, with their names, in order. */
  entries<T>(name: string, read: (fields: Fields, id: string) => T): T[] {
    const inner = this.object(name);
    return inner.names().map((id) => read(inner.object(id), id));
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #fault(name: string, wanted: string): ShapeError {
    return new ShapeError(this.#at(name), wanted);
  }
}

/** `1e21` and `1e-7` written out, so that amounts have one spelling. */
function plainDecimal(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(value >= 1 || value <= -1 ? 0 : 9) : text;
}
