import { expect, it } from 'vitest';
import { fieldChanges } from './difference.js';

const limit = (id: string, amount: number) => ({ id, kind: 'quota', amount });

it('names fields by the ids of what holds them, wherever that stands in its list', () => {
  const before = { features: { chat: { limits: [limit('monthly', 1), limit('daily', 5)] } }, name: 'Pro' };
  const after = { features: { chat: { limits: [limit('daily', 5), limit('monthly', 2)] } }, tags: ['a'] };
  expect(fieldChanges(before, after)).toEqual([
    { path: 'features.chat.limits.monthly.amount', before: '1', after: '2' },
    { path: 'tags', before: undefined, after: '["a"]' },
    { path: 'name', before: '"Pro"', after: undefined },
  ]);
});

it('finds nothing where nothing changed, and everything in what is new', () => {
  expect(fieldChanges(limit('a', 1), limit('a', 1))).toEqual([]);
  expect(fieldChanges(null, { id: 'a' })).toEqual([{ path: 'id', before: undefined, after: '"a"' }]);
});
