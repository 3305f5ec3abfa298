import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical.js';
import { CustomerCache } from './customer-cache.js';

/** Room for as many customers with the same terms. */
const cacheOf = (customers: number): CustomerCache => new CustomerCache(customers * 120);
const textOf = (id: string, more: object = {}): string => canonicalJson({ id, plan: 'pro', ...more });

function filled(cache: CustomerCache, from: number, to: number): void {
  for (let n = from; n < to; n++) cache.setPresent(`c-${n}`, textOf(`c-${n}`));
}

describe('the cache of customers', () => {
  it('keeps no more than it may, and what is asked for again outlives what is not', () => {
    const cache = cacheOf(100);
    filled(cache, 0, 1);
    cache.setPresent('hot', textOf('hot'));
    for (let n = 1; n < 1_000; n++) {
      filled(cache, n, n + 1);
      expect(cache.get('hot')).toMatchObject({ id: 'hot' });
      expect(cache.size).toBeLessThanOrEqual(101);
    }
    expect(cache.get('c-0')).toBeUndefined();
    expect(cache.get('c-999')).toMatchObject({ id: 'c-999' });
  });

  it('is not emptied by questions for customers that do not exist', () => {
    const cache = cacheOf(200);
    filled(cache, 0, 30);
    for (let n = 0; n < 10_000; n++) cache.setAbsent(`no-${n}`);
    for (let n = 0; n < 30; n++) expect(cache.get(`c-${n}`)).toMatchObject({ id: `c-${n}` });
    expect(cache.get('no-9999')).toBeNull();
    expect(cache.size).toBeLessThanOrEqual(51);
  });

  it('gives customers that have all but their names in common one object of it', () => {
    const cache = cacheOf(1_000);
    cache.setPresent('acme', textOf('acme', { name: 'Acme', timezone: 'Asia/Tokyo' }));
    cache.setPresent('globex', textOf('globex', { timezone: 'Asia/Tokyo' }));
    cache.setPresent('initech', textOf('initech', { timezone: 'UTC' }));
    expect(cache.terms('globex')).toBe(cache.terms('acme'));
    expect(cache.terms('initech')).not.toBe(cache.terms('acme'));
    expect(cache.get('acme')).toEqual({
      ...{ id: 'acme', name: 'Acme', plan: 'pro', addons: [], timezone: 'Asia/Tokyo', status: 'active' },
    });
    expect(cache.get('globex')).not.toHaveProperty('name');
  });

  it('takes an entity that is called as the customer for an entity', () => {
    const cache = cacheOf(1_000);
    const entities = [{ id: 'acme', features: {} }];
    cache.setPresent('acme', textOf('acme', { entities }));
    cache.setPresent('globex', textOf('globex', { entities: [{ id: 'globex', features: {} }] }));
    expect(cache.terms('acme')?.entities).toEqual(entities);
    expect(cache.terms('globex')?.entities).toEqual([{ id: 'globex', features: {} }]);
  });

  it('keeps fewer customers with terms of their own', () => {
    const cache = cacheOf(1_000);
    for (let n = 0; n < 1_000; n++)
      cache.setPresent(`c-${n}`, textOf(`c-${n}`, { startsAt: new Date(n * 1_000).toISOString() }));
    expect(cache.size).toBeLessThanOrEqual(30);
    expect(cache.get('c-999')).toMatchObject({ startsAt: '1970-01-01T00:16:39.000Z' });
  });

  it('gives the same terms the identity they had before a reset, other terms and another catalog a new one', () => {
    const cache = cacheOf(1_000);
    cache.setPresent('acme', textOf('acme'));
    const before = cache.terms('acme');
    cache.reset(true);
    expect(cache.get('acme')).toBeUndefined();
    cache.setPresent('acme', textOf('acme'));
    expect(cache.terms('acme')).toBe(before);
    cache.setPresent('acme', textOf('acme', { status: 'suspended' }));
    expect(cache.terms('acme')).toMatchObject({ status: 'suspended' });
    cache.reset(false);
    cache.setPresent('acme', textOf('acme'));
    expect(cache.terms('acme')).toEqual(before);
    expect(cache.terms('acme')).not.toBe(before);
  });

  it('follows a customer from absent to present and back', () => {
    const cache = cacheOf(1_000);
    cache.setAbsent('acme');
    expect(cache.get('acme')).toBeNull();
    expect(cache.terms('acme')).toBeNull();
    cache.setPresent('acme', textOf('acme'));
    expect(cache.get('acme')).toMatchObject({ id: 'acme' });
    cache.setAbsent('acme');
    expect(cache.get('acme')).toBeNull();
    expect(cache.get('globex')).toBeUndefined();
  });
});
