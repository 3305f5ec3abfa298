import { describe, expect, it } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { CATALOG_META_KEY, CATALOG_OUTBOX_KEY } from '../store/keys.js';
import type { RedisCatalogView } from './cache.js';
import { API, catalogOf, FILE, manyCustomers, useCatalogBench } from './testing.js';

const bench = useCatalogBench();

const amountOf = (view: RedisCatalogView): unknown => {
  const grant = view.plan('pro')?.features.chat;
  const limit = typeof grant === 'object' ? grant.limits[0] : undefined;
  return limit?.kind === 'quota' ? limit.amount : undefined;
};

describe('a view', () => {
  it('does not open where there is no catalog', async () => {
    await expect(bench().openView()).rejects.toMatchObject({ code: 'uninitialised' });
  });

  it('knows definitions at once, and customers once they are loaded', async () => {
    const { registry, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, ['acme']), FILE);
    const view = await openView();
    expect(view).toMatchObject({ version: 1, shards: 1 });
    expect(view.metersOfType('llm.request').map(({ id }) => id)).toEqual(['tokens']);
    expect([...view.features()].map(({ id }) => id)).toEqual(['chat', 'sso']);
    expect(view.customer('acme')).toBeUndefined();
    const [acme, again] = await Promise.all([view.loadCustomer('acme'), view.loadCustomer('acme')]);
    expect(acme).toMatchObject({ id: 'acme', plan: 'pro', status: 'active', timezone: 'UTC' });
    expect(again).toBe(acme);
    expect(view.customer('acme')).toEqual(acme);
    expect(await view.loadCustomer('nobody')).toBeNull();
    expect(view.customer('nobody')).toBeNull();
  });

  it('has every change that was answered before it catches up', async () => {
    const { registry, openView } = bench();
    await registry.initialise({ shards: 1 });
    const view = await openView();
    for (let amount = 1; amount <= 20; amount++) {
      const outcome = await registry.apply(catalogOf(amount), FILE);
      const version = await view.catchUp();
      expect(outcome).toMatchObject({ status: 'applied', version });
      expect(amountOf(view)).toBe(amount);
    }
  });

  it('reaches every version that a fence names: the catalog is ahead of the fence, never behind', async () => {
    const { registry, openView, fenceOf, anotherRegistry } = bench();
    await registry.initialise({ shards: 2 });
    const view = await openView();
    const writer = anotherRegistry();
    let done = false;
    const writes = (async () => {
      for (let amount = 1; amount <= 50; amount++) await writer.apply(catalogOf(amount), FILE);
    })().finally(() => {
      done = true;
    });
    let seen = 0;
    while (!done) {
      const fence = await fenceOf('s01');
      expect(await view.catchUp()).toBeGreaterThanOrEqual(fence?.version ?? 0);
      if ((fence?.version ?? 0) > seen) seen = fence?.version ?? 0;
    }
    await writes;
    expect(seen).toBeGreaterThan(1);
    expect(await fenceOf('s01')).toMatchObject({ version: 50 });
  });

  it('follows by itself, within a second, as do all others', async () => {
    const { registry, openView } = bench();
    await registry.initialise({ shards: 1 });
    const views = await Promise.all([openView(), openView(), openView()]);
    await registry.apply(catalogOf(7), FILE);
    await waitFor(() => views.every((view) => amountOf(view) === 7), {
      timeoutMs: 1_000,
      what: 'three views to follow',
    });
  });

  it('keeps the identity of what does not change, and gives what changes a new one', async () => {
    const { registry, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, ['acme', 'beta']), FILE);
    const view = await openView();
    await view.loadCustomer('acme');
    const terms = view.terms('acme');
    const beta = await view.loadCustomer('beta');
    const [chat, pro] = [view.feature('chat'), view.plan('pro')];
    await registry.apply(catalogOf(2, ['acme', 'beta', 'gamma']), FILE);
    await view.catchUp();
    expect(view.feature('chat')).toBe(chat);
    expect(view.plan('pro')).not.toBe(pro);
    expect(view.terms('acme')).toBe(terms);
    await registry.apply(catalogOf(2, ['acme']), FILE);
    await view.catchUp();
    expect(view.customer('beta')).toBeNull();
    expect(view.terms('acme')).toBe(terms);
    expect(beta).not.toBeNull();
  });

  it('reads everything anew when the stream was trimmed past it, and keeps identities', async () => {
    const { registry, redis, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1), FILE);
    const view = await openView();
    await view.loadCustomer('acme');
    const [terms, chat] = [view.terms('acme'), view.feature('chat')];
    // The changes and the trim are one transaction: no reader can have seen the entries between.
    const versions = [2, 3, 4];
    const multi = redis.multi();
    for (const version of versions) multi.xadd(CATALOG_OUTBOX_KEY, '*', 'j', '{}', 'v', version, 'i', 0, 'n', 1);
    multi.hset(CATALOG_META_KEY, 'version', 4);
    multi.xtrim(CATALOG_OUTBOX_KEY, 'MAXLEN', 0);
    await multi.exec();
    expect(await view.catchUp()).toBe(4);
    expect(view.feature('chat')).toBe(chat);
    expect(view.customer('acme')).toBeUndefined();
    await view.loadCustomer('acme');
    expect(view.terms('acme')).toBe(terms);
    await registry.apply(catalogOf(9), FILE);
    await waitFor(() => amountOf(view) === 9, { timeoutMs: 1_000, what: 'the view to follow again' });
  });

  it('never keeps a customer that was read before a change of it', async () => {
    const { registry, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, []), FILE);
    const view = await openView();
    for (let round = 0; round < 100; round++) {
      const id = `c-${round}`;
      await registry.putObject('customer', id, { plan: 'pro', name: 'old' }, API);
      const write = registry.putObject('customer', id, { plan: 'pro', name: 'new' }, API);
      const reads = [view.loadCustomer(id), write.then(() => undefined)];
      await Promise.all(reads);
      await view.catchUp();
      const now = view.customer(id) ?? (await view.loadCustomer(id));
      expect(now?.name).toBe('new');
    }
  });

  it('keeps no more customers and absences than it may', async () => {
    const { registry, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, manyCustomers(500)), FILE);
    const view = await openView({ customerBytesMax: 12_000 });
    await Promise.all(manyCustomers(500).map((id) => view.loadCustomer(id)));
    await Promise.all(manyCustomers(500).map((id) => view.loadCustomer(`no-${id}`)));
    expect(view.cachedCustomers).toBeLessThanOrEqual(110);
    expect(view.customer('customer-499')).not.toBeNull();
  });
});

describe('when Redis goes away', () => {
  it('a view goes on answering what it knows, and reads anew once Redis is back', async () => {
    const { registry, service, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1), FILE);
    const warnings: string[] = [];
    const log = {
      info: () => undefined,
      warn: (_: object, text: string) => void warnings.push(text),
      error: () => undefined,
    };
    const view = await openView({ log });
    await view.loadCustomer('acme');
    await service.kill('SIGKILL');
    expect(amountOf(view)).toBe(1);
    expect(view.customer('acme')).toMatchObject({ id: 'acme' });
    await expect(view.loadCustomer('beta')).rejects.toThrow();
    await expect(view.catchUp()).rejects.toThrow();
    await service.restart();
    const { anotherRegistry } = bench();
    const writer = anotherRegistry();
    await waitFor(() => writer.apply(catalogOf(2), FILE), { timeoutMs: 10_000, what: 'Redis to take a change' });
    await waitFor(() => amountOf(view) === 2, { timeoutMs: 10_000, what: 'the view to follow again' });
    expect(await view.loadCustomer('beta')).toBeNull();
    expect(warnings.length).toBeGreaterThan(0);
  });

  it('a view whose connections are cut follows on without being asked', async () => {
    const { registry, redis, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1), FILE);
    const view = await openView();
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await registry.apply(catalogOf(2), FILE);
    await waitFor(() => amountOf(view) === 2, { timeoutMs: 5_000, what: 'the view to follow again' });
  });

  it('a view follows into another catalog that took the place of its own', async () => {
    const { registry, redis, openView } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1), FILE);
    await registry.apply(catalogOf(2), FILE);
    const view = await openView();
    await view.loadCustomer('acme');
    await redis.flushall();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(3, []), FILE);
    await waitFor(() => amountOf(view) === 3, { timeoutMs: 1_000, what: 'the view to follow' });
    expect(view.version).toBe(1);
    expect(await view.loadCustomer('acme')).toBeNull();
  });

  it('scripts are sent again where Redis forgot them', async () => {
    const { registry, redis, openView } = bench();
    await registry.initialise({ shards: 1 });
    const view = await openView();
    await redis.script('FLUSH');
    expect(await registry.apply(catalogOf(1), FILE)).toMatchObject({ status: 'applied' });
    expect(await view.loadCustomer('acme')).toMatchObject({ id: 'acme' });
  });
});
