import { expect, it } from 'vitest';
import type { ApiKey } from '../../engine/index.js';
import { rememberKeys } from './key-cache.js';

const record: ApiKey = { id: 'k', hash: '0'.repeat(64), scopes: ['check'], createdAt: '2026-01-01T00:00:00Z' };

it('remembers a key until the catalog changes, and never one that was not found', () => {
  const asked: string[] = [];
  const keys = new Map([['good', record]]);
  const source = {
    version: 1,
    authenticate(raw: string): ApiKey | undefined {
      asked.push(raw);
      return keys.get(raw);
    },
  };
  const authenticate = rememberKeys(source);
  expect([authenticate('good'), authenticate('good'), authenticate('bad'), authenticate('bad')]).toEqual([
    record,
    record,
    undefined,
    undefined,
  ]);
  expect(asked).toEqual(['good', 'bad', 'bad']);
  keys.clear();
  source.version = 2;
  expect(authenticate('good')).toBeUndefined();
});
