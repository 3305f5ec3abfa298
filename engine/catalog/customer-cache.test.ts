import { describe, expect, it } from 'vitest';
import { type Customer, customerSchema } from '../contract/catalog.js';
import { CustomerCache } from './customer-cache.js';

const customer = (id: string): Customer => customerSchema.parse({ id, plan: 'pro' });

function filled(cache: CustomerCache, from: number, to: number): void {
  for (let n = from; n < to; n++) cache.setPresent(`c-${n}`, 1, () => customer(`c-${n}`));
}

describe('the cache of customers', () => {
  it('keeps no more than it may, and what is asked for again outlives what is not', () => {
    const cache = new CustomerCache(100);
    cache.setPresent('hot', 1, () => customer('hot'));
    for (let n = 0; n < 1_000; n++) {
      filled(cache, n, n + 1);
      expect(cache.get('hot')).toMatchObject({ id: 'hot' });
      expect(cache.size).toBeLessThanOrEqual(101);
    }
    expect(cache.get('c-0')).toBeUndefined();
    expect(cache.get('c-999')).toMatchObject({ id: 'c-999' });
  });

  it('is not emptied by questions for customers that do not exist', () => {
    const cache = new CustomerCache(100);
    filled(cache, 0, 40);
    for (let n = 0; n < 10_000; n++) cache.setAbsent(`no-${n}`);
    for (let n = 0; n < 40; n++) expect(cache.get(`c-${n}`)).toMatchObject({ id: `c-${n}` });
    expect(cache.get('no-9999')).toBeNull();
    expect(cache.size).toBeLessThanOrEqual(51);
  });

  it('gives an object of the same version the identity it had before a reset, and another version a new one', () => {
    const cache = new CustomerCache(100);
    const before = cache.setPresent('acme', 3, () => customer('acme'));
    cache.reset(true);
    expect(cache.get('acme')).toBeUndefined();
    expect(cache.setPresent('acme', 3, () => customer('acme'))).toBe(before);
    expect(cache.setPresent('acme', 4, () => customer('acme'))).not.toBe(before);
    cache.reset(false);
    expect(cache.setPresent('acme', 3, () => customer('acme'))).not.toBe(before);
  });

  it('follows a customer from absent to present and back', () => {
    const cache = new CustomerCache(100);
    cache.setAbsent('acme');
    expect(cache.get('acme')).toBeNull();
    cache.setPresent('acme', 1, () => customer('acme'));
    expect(cache.get('acme')).toMatchObject({ id: 'acme' });
    cache.setAbsent('acme');
    expect(cache.get('acme')).toBeNull();
    cache.delete('acme');
    expect(cache.get('acme')).toBeUndefined();
  });
});
