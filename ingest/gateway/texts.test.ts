import { expect, test } from 'vitest';
import { createRandom } from '../../engine/oracle/random.js';
import { numberText } from './texts.js';

test('a number is spelled as String spells it', () => {
  const random = createRandom(1);
  const borders = [0, 1e4, 2 ** 31, 1e8, 1e12, 1e16, 2 ** 53].flatMap((border) => [border - 1, border, border + 1]);
  const drawn = Array.from({ length: 10_000 }, () => Math.floor(2 ** (53 * random.next())));
  for (const number of [...borders, ...drawn]) {
    expect(numberText(number)).toBe(String(number));
    expect(numberText(-number)).toBe(String(-number));
  }
  for (const number of [0.5, 1e10 + 0.5, 1e21, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(numberText(number)).toBe(String(number));
  }
});
