import { describe, expect, it } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { CATALOG_META_KEY, CATALOG_OUTBOX_KEY, shardStateKey } from '../store/keys.js';
import { parseCatalog } from './document.js';
import { API, catalogOf, catalogYaml, FILE, useCatalogBench } from './testing.js';

const bench = useCatalogBench();

describe('initialising', () => {
  it('makes the catalog and the state of every shard on an empty Redis, once', async () => {
    const { registry, anotherRegistry, fenceOf } = bench();
    const both = await Promise.all([registry.initialise({ shards: 4 }), anotherRegistry().initialise({ shards: 4 })]);
    expect(both.filter(({ created }) => created)).toHaveLength(1);
    expect(both[0]?.epochMs).toBe(both[1]?.epochMs);
    for (const shard of ['s00', 's01', 's02', 's03']) {
      expect(await fenceOf(shard)).toEqual({ epochMs: both[0]?.epochMs, version: 0 });
    }
    expect(await fenceOf('s04')).toBeUndefined();
    expect(await registry.initialise({ shards: 16 })).toMatchObject({ created: false, shards: 4, uninitialised: [] });
  });

  it('never makes a state that is missing beside a catalog, and names the shard', async () => {
    const { registry, redis, fenceOf } = bench();
    await registry.initialise({ shards: 2 });
    await redis.del(shardStateKey('s01'));
    expect(await registry.initialise({ shards: 2 })).toMatchObject({ created: false, uninitialised: ['s01'] });
    await registry.apply(catalogOf(1), FILE);
    expect(await fenceOf('s01')).toBeUndefined();
    expect(await fenceOf('s00')).toMatchObject({ version: 1 });
  });

  it('refuses shards whose catalog is gone', async () => {
    const { registry, redis } = bench();
    await registry.initialise({ shards: 2 });
    await redis.del(CATALOG_META_KEY);
    await expect(registry.initialise({ shards: 2 })).rejects.toMatchObject({ code: 'uninitialised' });
  });

  it('is finished by the next start when a process dies half-way', async () => {
    const { registry, redis, fenceOf } = bench();
    const { epochMs } = await registry.initialise({ shards: 3 });
    await redis.hset(CATALOG_META_KEY, 'initialising', 1);
    await redis.del(shardStateKey('s02'));
    expect(await registry.initialise({ shards: 3 })).toMatchObject({ uninitialised: [] });
    expect(await fenceOf('s02')).toEqual({ epochMs, version: 0 });
  });
});

describe('a change of the catalog', () => {
  it('is fenced on every shard when it is answered, and never lowers a fence', async () => {
    const { registry, fenceOf, redis } = bench();
    const { epochMs } = await registry.initialise({ shards: 3 });
    expect(await registry.apply(catalogOf(1), FILE)).toMatchObject({ status: 'applied', version: 1 });
    for (const shard of ['s00', 's01', 's02']) expect(await fenceOf(shard)).toEqual({ epochMs, version: 1 });
    const ahead = Buffer.alloc(16);
    ahead.writeDoubleLE(epochMs, 0);
    ahead.writeDoubleLE(9, 8);
    await redis.set(shardStateKey('s01'), ahead);
    await registry.store.fence(await registry.store.head());
    expect(await fenceOf('s01')).toEqual({ epochMs, version: 9 });
  });

  it('may be lost by a failover: then the catalog goes on past the version of its shards, and views read it anew', async () => {
    const { registry, fenceOf, redis, openView } = bench();
    const { epochMs } = await registry.initialise({ shards: 2 });
    await registry.apply(catalogOf(1), FILE);
    const keys = await redis.keys('{catalog}:*');
    const replica = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    const view = await openView();
    await registry.apply(catalogOf(2), FILE);
    expect(await view.catchUp()).toBe(2);
    await redis.del(...(await redis.keys('{catalog}:*')));
    await Promise.all(keys.map((key, at) => redis.restore(key, 0, replica[at] ?? Buffer.alloc(0))));
    expect(await registry.ensureFenced()).toMatchObject({ version: 3, uninitialised: [] });
    for (const shard of ['s00', 's01']) expect(await fenceOf(shard)).toEqual({ epochMs, version: 3 });
    expect(await view.catchUp()).toBe(3);
    expect(view.plan('pro')?.features.chat).toMatchObject({ limits: [{ amount: 1 }] });
    expect(await registry.apply(catalogOf(2), FILE)).toMatchObject({ status: 'applied', version: 4 });
    expect(await view.catchUp()).toBe(4);
    expect(view.plan('pro')?.features.chat).toMatchObject({ limits: [{ amount: 2 }] });
  });

  it('is fenced by the next apply or start when its writer died before the fence', async () => {
    const { registry, redis, fenceOf } = bench();
    const { epochMs } = await registry.initialise({ shards: 2 });
    await registry.apply(catalogOf(1), FILE);
    const unfenced = async (): Promise<void> => {
      const state = Buffer.alloc(16);
      state.writeDoubleLE(epochMs, 0);
      await redis.set(shardStateKey('s01'), state);
    };
    await unfenced();
    expect(await registry.apply(catalogOf(1), FILE)).toEqual({ status: 'unchanged', version: 1 });
    expect(await fenceOf('s01')).toMatchObject({ version: 1 });
    await unfenced();
    await registry.initialise({ shards: 2 });
    expect(await fenceOf('s01')).toMatchObject({ version: 1 });
  });

  it('leaves one entry for each object in the outbox, with actor, before and after', async () => {
    const { registry, redis } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1), FILE);
    await registry.apply(catalogOf(2, []), FILE);
    const entries = await redis.xrange(CATALOG_OUTBOX_KEY, '-', '+');
    const changes = entries.map(([, fields]): unknown => JSON.parse(fields[1] ?? ''));
    expect(changes).toHaveLength(7);
    expect(changes[3]).toMatchObject({ version: 1, type: 'plan', id: 'pro', before: null, owner: 'file' });
    expect(changes[5]).toMatchObject({
      version: 2,
      actor: 'file:test.yaml',
      type: 'plan',
      id: 'pro',
      before: { features: { chat: { limits: [{ amount: 1 }] } } },
      after: { features: { chat: { limits: [{ amount: 2 }] } } },
    });
    expect(changes[6]).toMatchObject({ version: 2, type: 'customer', id: 'acme', after: null });
  });

  it('is refused whole, with every fault at its line', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1), FILE);
    const bad = `${catalogYaml(5, ['acme'])}  - { id: beta, plan: por }\n  - { id: acme, plan: pro, colour: red }\n`;
    const outcome = await registry.apply(parseCatalog(bad), FILE);
    expect(outcome.status).toBe('refused');
    const told = outcome.status === 'refused' ? outcome.faults.map(({ line, path }) => `${line} ${path}`) : [];
    expect(told).toEqual(['14 customers[1].plan', '15 customers[2].colour']);
    expect((await registry.getObject('plan', 'pro'))?.body).toMatchObject({
      features: { chat: { limits: [{ amount: 1 }] } },
    });
  });

  it('is only told by a dry run', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    const planned = await registry.apply(catalogOf(1), FILE, { dryRun: true });
    expect(planned).toMatchObject({ status: 'planned', version: 0 });
    expect(planned.status === 'planned' && planned.changes.map(({ id }) => id)).toEqual([
      'tokens',
      'chat',
      'sso',
      'pro',
      'acme',
    ]);
    expect(await registry.getObject('plan', 'pro')).toBeUndefined();
  });
});

describe('sources beside each other', () => {
  it('a file refers to what the API brought, and the API to what the file brought', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, []), FILE);
    expect(await registry.putObject('customer', 'acme', { plan: 'pro' }, API)).toMatchObject({
      created: true,
      version: 2,
    });
    const other = parseCatalog('customers:\n  - { id: beta, plan: pro }\n');
    expect(await registry.apply(other, { owner: 'http:crm', actor: 'http:crm' })).toMatchObject({ status: 'applied' });
  });

  it('an object of another source is not overwritten, by neither', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, ['acme']), FILE);
    const mine = registry.putObject('customer', 'acme', { plan: 'pro' }, API);
    await expect(mine).rejects.toMatchObject({ code: 'owned_by_source' });
    await expect(registry.deleteObject('plan', 'pro', API)).rejects.toMatchObject({ code: 'owned_by_source' });
    await registry.putObject('customer', 'beta', { plan: 'pro' }, API);
    const outcome = await registry.apply(catalogOf(1, ['acme', 'beta']), FILE);
    expect(outcome).toMatchObject({ status: 'refused', faults: [{ path: 'customers[1].id' }] });
  });

  it('a file cannot take away what another source needs', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, []), FILE);
    await registry.putObject('customer', 'acme', { plan: 'pro' }, API);
    const outcome = await registry.apply(parseCatalog('meters: []'), FILE);
    expect(outcome).toMatchObject({ status: 'refused' });
    expect(outcome.status === 'refused' && outcome.faults[0]?.message).toMatch(
      /1 customer of source "api" on plan "pro"/,
    );
    await registry.deleteObject('customer', 'acme', API);
    expect(await registry.apply(parseCatalog('meters: []'), FILE)).toMatchObject({ status: 'applied' });
  });
});

describe('single edits', () => {
  it('are checked against what they refer to and what refers to them', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    const code = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => 'ok',
        (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
      );
    const put = (
      type: 'meter' | 'feature' | 'plan' | 'addon' | 'customer',
      id: string,
      body: object,
    ): Promise<unknown> => code(registry.putObject(type, id, body, API));
    expect(await put('feature', 'chat', { kind: 'metered', meter: 'tokens' })).toBe('invalid_catalog');
    expect(await put('meter', 'tokens', { eventType: 'x', aggregation: 'sum', value: '$.n' })).toBe('ok');
    expect(await put('feature', 'chat', { kind: 'metered', meter: 'tokens' })).toBe('ok');
    const limits = [{ id: 'm', kind: 'quota', amount: 5, window: { every: 'month' } }];
    expect(await put('plan', 'pro', { features: { chat: { limits } } })).toBe('ok');
    expect(await put('plan', 'pro', { features: { chat: { limits } }, price: 3 })).toBe('unknown_field');
    expect(await put('plan', 'pro', { id: 'other' })).toBe('invalid_request');
    expect(await put('customer', 'acme', { plan: 'free' })).toBe('invalid_catalog');
    expect(await put('customer', 'acme', { plan: 'pro' })).toBe('ok');
    const anchored = [{ id: 'm', kind: 'quota', amount: 5, window: { every: 'month', anchor: 'subscription' } }];
    expect(await put('plan', 'pro', { features: { chat: { limits: anchored } } })).toBe('invalid_catalog');
    expect(await code(registry.deleteObject('plan', 'pro', API))).toBe('invalid_catalog');
    expect(await code(registry.deleteObject('meter', 'tokens', API))).toBe('invalid_catalog');
    expect(await code(registry.deleteObject('customer', 'acme', API))).toBe('ok');
    expect(await code(registry.deleteObject('customer', 'acme', API))).toBe('not_found');
    expect(await code(registry.deleteObject('plan', 'pro', API))).toBe('ok');
  });

  it('that change nothing make no version', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    await registry.putObject('plan', 'pro', { name: 'Pro', features: {} }, API);
    const again = await registry.putObject('plan', 'pro', { features: {}, id: 'pro', name: 'Pro' }, API);
    expect(again).toMatchObject({ version: 1, changed: false, created: false });
  });

  it('are listed in order, page by page', async () => {
    const { registry } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, ['d', 'b', 'a', 'e', 'c']), FILE);
    const first = await registry.listObjects('customer', { limit: 2 });
    expect(first.objects.map(({ id, owner }) => `${id} ${owner}`)).toEqual(['a file', 'b file']);
    const second = await registry.listObjects('customer', { limit: 2, cursor: first.cursor ?? '' });
    const third = await registry.listObjects('customer', { limit: 2, cursor: second.cursor ?? '' });
    expect([...second.objects, ...third.objects].map(({ id }) => id)).toEqual(['c', 'd', 'e']);
    expect(third.cursor).toBeNull();
    const { ids, cursor } = await registry.listIds('customer', { limit: 3, cursor: first.cursor ?? '' });
    expect({ ids, cursor }).toEqual({ ids: ['c', 'd', 'e'], cursor: expect.any(String) });
    expect(await registry.listIds('customer', { cursor: cursor ?? '' })).toEqual({ ids: [], cursor: null });
    await expect(registry.listObjects('customer', { cursor: '!' })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(registry.listObjects('customer', { limit: 0 })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('several writers at once', () => {
  it('all get through, and every version is one change', async () => {
    const { registry, anotherRegistry, openView, fenceOf } = bench();
    await registry.initialise({ shards: 2 });
    await registry.apply(catalogOf(1, []), FILE);
    const view = await openView();
    const writers = [registry, anotherRegistry(), anotherRegistry(), anotherRegistry()];
    const writes = writers.flatMap((writer, index) =>
      Array.from({ length: 25 }, (_, n) => writer.putObject('customer', `c-${index}-${n}`, { plan: 'pro' }, API)),
    );
    const written = await Promise.all(writes);
    expect(new Set(written.map(({ version }) => version)).size).toBe(100);
    expect(await view.catchUp()).toBe(101);
    expect(await fenceOf('s01')).toMatchObject({ version: 101 });
    expect((await registry.listObjects('customer', { limit: 1_000 })).objects).toHaveLength(100);
    await waitFor(() => view.version === 101, { timeoutMs: 1_000, what: 'the view to follow' });
  });
});
