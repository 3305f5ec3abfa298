import { describe, expect, it } from 'vitest';
import { createRandom } from '../oracle/random.js';
import { readLargeYaml } from './customer-lines.js';
import { readYaml } from './yaml-tree.js';

const VALUES = [
  ...[
    'acme',
    'a b',
    'a  b',
    'a-b_c.d/e@f+g',
    '2026-01-31T10:00:00Z',
    '2026-01-31',
    '12:30',
    'x:y',
    'x: y',
    'x :y',
    '-x',
  ],
  ...[
    'null',
    'Null',
    '~',
    'true',
    'False',
    'yes',
    'nan',
    '.nan',
    '1',
    '007',
    '1.5',
    '1e5',
    '0x1f',
    '0o7',
    '1a',
    '0x1g',
    '1_000',
  ],
  ...[
    '"q"',
    '"a: b # c"',
    '"a\\nb"',
    "'single'",
    '""',
    '[]',
    '[a, b]',
    '[ a , "b" ]',
    '[a, [b]]',
    '[a,]',
    '{ a: b }',
    '[a b]',
  ],
  ...[
    'a#b',
    'a #b',
    '#b',
    '',
    ' ',
    'ünïcode',
    'a,b',
    'a]',
    '"a" b',
    '|',
    '!!str 1',
    'a\tb',
    '&x y',
    '*x',
    '[1, a]',
    '[true]',
  ],
];
const SEEDS = 800;
const KEYS = ['id', 'plan', 'name', '"id"', '"addons"', 'startsAt', 'a1', 'constructor'];

function randomFile(seed: number): string {
  const random = createRandom(seed);
  const indent = ' '.repeat(random.int(0, 3));
  const items = Array.from({ length: random.int(1, 3) }, () => {
    const pairs = Array.from({ length: random.int(1, 4) }, () => {
      return `${random.pick(KEYS)}:${random.chance(0.9) ? ' ' : ''}${random.pick(VALUES)}`;
    });
    const comment = random.chance(0.25) ? ' # a comment' : '';
    const aside = random.chance(0.2) ? random.pick(['\n', '\n   # between']) : '';
    if (random.chance(0.5)) return `${indent}- { ${pairs.join(', ')} }${comment}${aside}`;
    const deeper = random.chance(0.1) ? ' ' : '';
    return `${indent}- ${pairs.join(`${comment}\n${indent}  ${deeper}`)}${aside}`;
  });
  return `meters: []\ncustomers:${random.pick(['', ' # who'])}\n${items.join('\n')}\nplans: []\n`;
}

/** Files by seed, from 1, read both ways. */
const readings = Array.from({ length: SEEDS }, (_, index) => {
  const text = randomFile(index + 1);
  return { told: `seed ${index + 1}:\n${text}`, whole: readYaml(text), pieces: readLargeYaml(text) };
});

describe('reading a file in pieces', () => {
  it('gives the values that reading it whole gives, or faults where that has faults', () => {
    let read = 0;
    for (const { told, whole, pieces } of readings) {
      expect(pieces.faults.length > 0, told).toBe(whole.faults.length > 0);
      expect(pieces.value, told).toEqual(whole.value);
      if (whole.faults.length === 0) read += 1;
    }
    expect(read).toBeGreaterThan(SEEDS / 10);
  }, 60_000);

  it('finds values where they stand, also behind the pieces', () => {
    for (const { told, whole, pieces } of readings) {
      if (whole.faults.length > 0) continue;
      for (const path of [['meters'], ['plans'], ['customers', 0], ['customers', 0, 'id'], ['customers', 0, 'plan']]) {
        expect(pieces.position(path), `${path.join('.')} of ${told}`).toEqual(whole.position(path));
      }
    }
  });
});
