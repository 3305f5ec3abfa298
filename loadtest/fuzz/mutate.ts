import type { Dice } from './dice.js';

/** Makes JSON wrong: in its structure, then in its bytes. */

const NASTY_TEXTS = [
  '',
  ' ',
  '\u0000',
  '\n',
  '\ud800',
  '\udfff\ud800',
  '\u202e',
  '\ufeff',
  '٣',
  '１',
  'é\u0301',
  '💥',
  '../../etc/passwd',
  '{sNN}:state',
  'a'.repeat(257),
  'é'.repeat(256),
  "'; DROP TABLE usage_facts; --",
  '$.units',
  '%00',
  '-1',
  '1e3',
  '0x10',
  '1.5',
  ' 1',
  '1 ',
  '+1',
  '01',
  '.5',
  '5.',
  '9007199254740991',
  '9007199254740992',
  '123456789012345678901234567890',
  '0.0000000001',
  '-0',
  'NaN',
  'Infinity',
  'null',
  '__proto__',
  'constructor',
  '2026-13-45T99:99:99Z',
  '1969-12-31T23:59:59Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-02-29T00:00:00Z',
  '2020-01-01T00:00:00+23:59',
  '2016-12-31T23:59:60Z',
];
const NASTY_NUMBERS = [
  '0',
  '-0',
  '-1',
  '1.5',
  '1e308',
  '-1e308',
  '1e309',
  '1e-7',
  '1e-400',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '0.1',
  '0.001',
  '0.0001',
  '123456789.123456789',
  '1E2',
  '1.0',
  '1e0',
  '18446744073709551616',
  '2147483648',
  '4294967296',
  '1e15',
  '999999999999999.9',
];
const NASTY_LITERALS = ['true', 'false', 'null', '[]', '{}', '[[]]', '[1]', '{"a":1}', '{"toString":1}'];
/** No JSON at all where a value should stand. */
const BROKEN_LITERALS = [
  'NaN',
  'Infinity',
  'undefined',
  '01',
  '+1',
  '.5',
  '5.',
  '0x10',
  "'a'",
  '"\\x"',
  '"\\u12"',
  '"a',
  '1e',
  '--1',
  '\u0000',
  ',',
  '"\t"',
  '/**/1',
];
const ODD_NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'Customer',
  'customer ',
  'id',
  'amount',
  'entity',
  'dryRun',
  'dimensions',
  'data_base64',
  'specversion',
  'time',
  'checks',
  'a'.repeat(300),
  '',
  '\u0000',
  'ttlMs',
  'source',
  'dataschema',
];
const DEEP_MAX = 5_000;

/** One JSON value as text, seldom valid for its place, sometimes no JSON. */
function nastyValue(dice: Dice): string {
  const roll = dice.below(100);
  if (roll < 40) return JSON.stringify(dice.pick(NASTY_TEXTS));
  if (roll < 68) return dice.pick(NASTY_NUMBERS);
  if (roll < 85) return dice.pick(NASTY_LITERALS);
  if (roll < 98) return dice.pick(BROKEN_LITERALS);
  const depth = 1 + dice.below(DEEP_MAX);
  return dice.chance(0.5)
    ? `${'['.repeat(depth)}${']'.repeat(depth)}`
    : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

/** The fields of an object as name and JSON text. */
export type Fields = readonly (readonly [name: string, value: string])[];

export function fieldsOf(object: Readonly<Record<string, unknown>>): Fields {
  return Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, JSON.stringify(value)] as const);
}

export const textOf = (fields: Fields): string =>
  `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;

/** Some fields taken out, doubled, renamed, replaced or added. */
export function mutateFields(fields: Fields, dice: Dice): Fields {
  let mutated = [...fields];
  for (let count = 1 + dice.below(2); count > 0; count--) {
    const place = dice.below(mutated.length + 1);
    const [name, value] = mutated[place] ?? [dice.pick(ODD_NAMES), nastyValue(dice)];
    switch (dice.below(6)) {
      case 0:
        mutated = mutated.filter((_, index) => index !== place);
        break;
      case 1:
        mutated.push([name, dice.chance(0.5) ? value : nastyValue(dice)]);
        break;
      case 2:
        mutated[place] = [dice.pick(ODD_NAMES), value];
        break;
      case 3:
        mutated.push([dice.pick(ODD_NAMES), nastyValue(dice)]);
        break;
      default:
        mutated[place] = [name, nastyValue(dice)];
    }
  }
  return mutated;
}

const ODD_BYTES = [
  Buffer.from([0]),
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  Buffer.from([0xe2, 0x28]),
  Buffer.from('\ufeff'),
  Buffer.from('\u2028'),
  Buffer.from('\r\n\r\n'),
  Buffer.from('"'),
  Buffer.from('}'),
  Buffer.from('\\u0000'),
  Buffer.from('\\'),
  Buffer.from(' '.repeat(5_000)),
];

/** A few bytes cut off, flipped, put in, doubled or taken out, at random. */
export function mutateBytes(bytes: Buffer, dice: Dice): Buffer {
  const place = dice.below(bytes.length + 1);
  const length = 1 + dice.below(8);
  const before = bytes.subarray(0, place);
  switch (dice.below(7)) {
    case 0:
      return before;
    case 1: {
      const flipped = Buffer.from(bytes);
      const at = Math.min(place, bytes.length - 1);
      if (at >= 0) flipped[at] = (flipped[at] ?? 0) ^ (1 << dice.below(8));
      return flipped;
    }
    case 2:
      return Buffer.concat([before, bytes.subarray(place + length)]);
    case 3:
      return Buffer.concat([before, bytes.subarray(Math.max(0, place - length))]);
    case 4:
      return Buffer.concat([bytes, bytes]);
    case 5:
      return Buffer.concat([before, dice.bytes(length), bytes.subarray(place)]);
    default:
      return Buffer.concat([before, dice.pick(ODD_BYTES), bytes.subarray(place)]);
  }
}
