import {
  type CheckRequest,
  RESERVATION_TTL_MS_DEFAULT,
  RESERVATION_TTL_MS_MAX,
  type ReserveRequest,
  type SettleRequest,
} from '../../engine/index.js';

/**
 * Reads the usual bodies of checks and reservations without JSON.parse and zod: flat objects of `customer`, `feature`,
 * `amount` and `ttlMs` (whole numbers), `entity` and `id`, ids in plain ASCII without escapes, no field twice. Anything else, valid or not, is
 * undefined and left to them. Where these functions answer, they answer what JSON.parse and the schema would (a test
 * holds them to that), in a quarter of the time, which is a tenth of a whole check. They look at bytes: every character
 * that gets into a value is checked to be ASCII, so that reads the same as UTF-8.
 */

const BLANK = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const ZERO = 0x30;
const NINE = 0x39;

/** Digits that always make a safe integer. */
const DIGITS_MAX = 15;
const ID_BYTES_MAX = 256;

const CUSTOMER = Buffer.from('customer');
const FEATURE = Buffer.from('feature');
const AMOUNT = Buffer.from('amount');
const ENTITY = Buffer.from('entity');
const ID = Buffer.from('id');
const TTL = Buffer.from('ttlMs');
const BATCH_START = Buffer.from('{"checks":');

/** What the last scan read; undefined and −1 for a field that was not there. */
let customer: string | undefined;
let feature: string | undefined;
let entity: string | undefined;
let id: string | undefined;
let amount = -1;
let ttlMs = -1;
/** Where it ended: behind the object. */
let after = 0;
/** The last feature that was read: the checks of a batch nearly always ask for the same one. */
let lastFeature = '';
let lastFeatureBytes = Buffer.alloc(0);

/** The body of `POST /v1/check`. */
export function scanCheck(bytes: Buffer): CheckRequest | undefined {
  const request = checkAt(bytes, 0);
  return request !== undefined && after === bytes.length ? request : undefined;
}

/** The body of `POST /v1/check/batch` with up to `countMax` checks, not atomic. */
export function scanChecks(bytes: Buffer, countMax: number): CheckRequest[] | undefined {
  if (!isAt(bytes, 0, BATCH_START)) return undefined;
  const list = skipBlank(bytes, BATCH_START.length);
  const requests: CheckRequest[] = [];
  for (let at = list + 1; bytes[list] === OPEN_LIST && requests.length < countMax; at = skipBlank(bytes, after + 1)) {
    const request = checkAt(bytes, at);
    if (request === undefined) return undefined;
    requests.push(request);
    if (bytes[after] === COMMA) continue;
    const ends = bytes[after] === CLOSE_LIST && bytes[after + 1] === CLOSE && after + 2 === bytes.length;
    return ends ? requests : undefined;
  }
  return undefined;
}

/** The body of `POST /v1/reservations`; without an id the caller makes one. */
export function scanReserve(
  bytes: Buffer,
): (Omit<ReserveRequest, 'id'> & { readonly id?: string | undefined }) | undefined {
  if (!scanObject(bytes, 0) || after !== bytes.length) return undefined;
  if (customer === undefined || feature === undefined || amount < 0 || ttlMs > RESERVATION_TTL_MS_MAX || ttlMs === 0) {
    return undefined;
  }
  return { customer, feature, amount, entity, id, ttlMs: ttlMs < 0 ? RESERVATION_TTL_MS_DEFAULT : ttlMs };
}

/** The body of a commit. */
export function scanCommit(bytes: Buffer): Omit<SettleRequest, 'id'> | undefined {
  if (!scanObject(bytes, 0) || after !== bytes.length || customer === undefined || amount < 0) return undefined;
  const others = feature !== undefined || entity !== undefined || id !== undefined || ttlMs >= 0;
  return others ? undefined : { customer, amount };
}

function checkAt(bytes: Buffer, start: number): CheckRequest | undefined {
  if (!scanObject(bytes, start) || customer === undefined || feature === undefined || ttlMs >= 0) return undefined;
  return { customer, feature, amount: amount < 0 ? 1 : amount, entity, id, dryRun: false };
}

/** One object from `at` on, into the variables above; false for one that is not plain. */
function scanObject(bytes: Buffer, start: number): boolean {
  if (bytes[start] !== OPEN) return false;
  customer = feature = entity = id = undefined;
  amount = ttlMs = -1;
  let at = start;
  do {
    const key = skipBlank(bytes, at + 1);
    const keyEnd = stringEnd(bytes, key);
    if (keyEnd < 0 || bytes[keyEnd + 1] !== COLON) return false;
    const value = skipBlank(bytes, keyEnd + 2);
    const keyLength = keyEnd - key - 1;
    if (keyLength === AMOUNT.length && isAt(bytes, key + 1, AMOUNT)) {
      at = digitsEnd(bytes, value);
      if (amount >= 0 || at < 0) return false;
      amount = digitsValue(bytes, value, at);
    } else if (keyLength === TTL.length && isAt(bytes, key + 1, TTL)) {
      at = digitsEnd(bytes, value);
      if (ttlMs >= 0 || at < 0) return false;
      ttlMs = digitsValue(bytes, value, at);
    } else {
      const valueEnd = stringEnd(bytes, value);
      if (valueEnd < 0) return false;
      if (keyLength === CUSTOMER.length && customer === undefined && isAt(bytes, key + 1, CUSTOMER)) {
        customer = bytes.toString('latin1', value + 1, valueEnd);
      } else if (keyLength === FEATURE.length && feature === undefined && isAt(bytes, key + 1, FEATURE)) {
        feature = featureAt(bytes, value + 1, valueEnd);
      } else if (keyLength === ID.length && id === undefined && isAt(bytes, key + 1, ID)) {
        id = bytes.toString('latin1', value + 1, valueEnd);
      } else if (keyLength === ENTITY.length && entity === undefined && isAt(bytes, key + 1, ENTITY)) {
        entity = bytes.toString('latin1', value + 1, valueEnd);
      } else return false;
      at = valueEnd + 1;
    }
  } while (bytes[at] === COMMA);
  after = at + 1;
  return bytes[at] === CLOSE;
}

function featureAt(bytes: Buffer, start: number, end: number): string {
  if (end - start !== lastFeatureBytes.length || !isAt(bytes, start, lastFeatureBytes)) {
    lastFeature = bytes.toString('latin1', start, end);
    lastFeatureBytes = Buffer.from(lastFeature, 'latin1');
  }
  return lastFeature;
}

function isAt(bytes: Buffer, at: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false;
  return true;
}

/** Many encoders put one blank behind a colon and a comma. */
function skipBlank(bytes: Buffer, at: number): number {
  return bytes[at] === BLANK ? at + 1 : at;
}

/** Index of the quote that ends the string which starts at `at`; −1 for an empty one, an escape, or anything not plain. */
function stringEnd(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) return -1;
  const stop = Math.min(bytes.length, at + ID_BYTES_MAX + 2);
  for (let index = at + 1; index < stop; index++) {
    const byte = bytes[index] ?? 0;
    if (byte === QUOTE) return index === at + 1 ? -1 : index;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
  }
  return -1;
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Index after the whole number that starts at `at`; −1 for none, a leading zero, or more digits than are surely safe. */
function digitsEnd(bytes: Buffer, at: number): number {
  let index = at;
  while (isDigit(bytes[index])) index += 1;
  const digits = index - at;
  if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[at] === ZERO)) return -1;
  return index;
}

function digitsValue(bytes: Buffer, at: number, end: number): number {
  let value = 0;
  for (let index = at; index < end; index++) value = value * 10 + ((bytes[index] ?? ZERO) - ZERO);
  return value;
}
