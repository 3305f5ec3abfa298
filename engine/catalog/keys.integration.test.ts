import { describe, expect, it } from 'vitest';
import { KeyService } from './keys.js';
import { API, catalogOf, FILE, useCatalogBench } from './testing.js';

const bench = useCatalogBench();

describe('API keys', () => {
  it('are shown once, and stored as a hash only', async () => {
    const { registry, redis, openView } = bench();
    await registry.initialise({ shards: 1 });
    const view = await openView();
    const keys = new KeyService(registry);
    const made = await keys.create({ name: 'CI', scopes: ['check', 'read'] }, 'admin');
    expect(made.key).toMatch(/^weir_[A-Za-z0-9_-]{43}$/);
    expect(made.info).toEqual({
      id: made.info.id,
      name: 'CI',
      scopes: ['check', 'read'],
      createdAt: made.info.createdAt,
    });
    await view.catchUp();
    expect(view.authenticate(made.key)).toMatchObject({ id: made.info.id, scopes: ['check', 'read'] });
    expect(view.authenticate(`${made.key}x`)).toBeUndefined();
    expect(view.authenticate('')).toBeUndefined();
    for (const key of await redis.keys('*')) {
      const dump = await redis.dumpBuffer(key);
      expect(dump?.includes(made.key.slice(5)), key).toBe(false);
    }
    const { objects } = await keys.list();
    expect(objects).toEqual([made.info]);
    expect(JSON.stringify(objects)).not.toContain('hash');
  });

  it('are taken by no view once a revocation is answered and the view caught up', async () => {
    const { registry, openView, fenceOf } = bench();
    await registry.initialise({ shards: 2 });
    const keys = new KeyService(registry);
    const made = await keys.create({ scopes: ['check'] }, 'admin');
    const views = await Promise.all([openView(), openView()]);
    for (const view of views) expect(view.authenticate(made.key)).toBeDefined();
    const { version } = await keys.revoke(made.info.id, 'admin');
    // Every call of a gateway that has not caught up is answered `stale` from here on.
    for (const shard of ['s00', 's01']) expect(await fenceOf(shard)).toMatchObject({ version });
    for (const view of views) {
      await view.catchUp();
      expect(view.authenticate(made.key)).toBeUndefined();
    }
    await expect(keys.revoke(made.info.id, 'admin')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('may be changed, and stay the same key', async () => {
    const { registry, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1), FILE);
    const keys = new KeyService(registry);
    const made = await keys.put('ci', { scopes: ['check'] }, 'admin');
    const changed = await keys.put('ci', { scopes: ['read'], customer: 'acme' }, 'admin');
    expect(changed.key).toBeUndefined();
    expect(changed.info).toEqual({ id: 'ci', scopes: ['read'], customer: 'acme', createdAt: made.info.createdAt });
    const view = await openView();
    expect(view.authenticate(made.key ?? '')).toMatchObject({ scopes: ['read'], customer: 'acme' });
  });

  it('that two callers make under one id at once are one key, and one caller hears of it', async () => {
    const { registry, anotherRegistry } = bench();
    await registry.initialise({ shards: 1 });
    const both = await Promise.allSettled([
      new KeyService(registry).put('ci', { scopes: ['check'] }, 'a'),
      new KeyService(anotherRegistry()).put('ci', { scopes: ['check'] }, 'b'),
    ]);
    const made = both.filter((one) => one.status === 'fulfilled' && one.value.key !== undefined);
    expect(made).toHaveLength(1);
  });

  it('are refused with the fault named', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    const keys = new KeyService(registry);
    const refused = async (request: unknown): Promise<unknown> =>
      keys.create(request, 'admin').then(
        () => 'ok',
        (error: unknown) =>
          error instanceof Error && 'code' in error && 'field' in error ? [error.code, error.field] : error,
      );
    expect(await refused({ scopes: [] })).toEqual(['invalid_request', 'scopes']);
    expect(await refused({ scopes: ['root'] })).toEqual(['invalid_request', 'scopes.0']);
    expect(await refused({ scopes: ['read'], hash: 'x' })).toEqual(['unknown_field', 'hash']);
    expect(await refused({ scopes: ['read'], customer: 'nobody' })).toEqual(['invalid_catalog', 'customer']);
    await expect(registry.deleteObject('key', 'x', API)).rejects.toMatchObject({ code: 'not_found' });
  });
});
