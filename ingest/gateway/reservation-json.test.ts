import { expect, test } from 'vitest';
import { createRandom } from '../../engine/oracle/random.js';
import { expiryText } from './reservation-json.js';

test('an expiry is spelled as JSON spells a date', () => {
  const random = createRandom(1);
  const borders = [0, 999, 1_000, Date.UTC(2028, 1, 29, 23, 59, 59, 999), Date.UTC(9999, 11, 31)];
  const drawn = Array.from({ length: 1_000 }, () => Math.floor(random.next() * Date.UTC(2100, 0, 1)));
  for (const ms of [...borders, ...drawn]) expect(expiryText(ms)).toBe(JSON.stringify(new Date(ms)));
});
