import { describe, expect, it } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { CATALOG_META_KEY, CATALOG_OUTBOX_KEY } from '../store/keys.js';
import { FOLD_LOG_KEY, OVERLAY_KEYS, STAGE_KEYS, STAGE_LOG_KEY } from './catalog-keys.js';
import { API, type CatalogBench, catalogOf, FILE, manyCustomers, useCatalogBench } from './testing.js';

const bench = useCatalogBench();

const LARGE = 20_000;
const OBJECTS = 4 + LARGE;

/** Changes in the outbox, by version: `index:type:id`. */
async function outboxOf({ redis }: CatalogBench): Promise<Map<number, string[]>> {
  const changes = new Map<number, string[]>();
  for (const [, fields] of await redis.xrange(CATALOG_OUTBOX_KEY, '-', '+')) {
    const change: unknown = JSON.parse(fields[1] ?? '');
    const { type, id } = Object(change);
    const version = Number(fields[3]);
    changes.set(version, [...(changes.get(version) ?? []), `${fields[5]}:${type}:${id}`]);
  }
  return changes;
}

/** Starts to load a large file and dies, by losing its connection for good, as soon as `when` holds. */
async function loadAndDie(at: CatalogBench, when: () => Promise<unknown>): Promise<void> {
  const writer = at.anotherRegistry();
  const load = writer.apply(catalogOf(1, manyCustomers(LARGE)), FILE).then(
    () => 'done',
    () => 'dead',
  );
  while (!(await when())) await new Promise(setImmediate);
  writer.store.redis.disconnect();
  expect(await load).toBe('dead');
}

const keysLeft = async ({ redis }: CatalogBench): Promise<number> =>
  await redis.exists(...OVERLAY_KEYS, ...STAGE_KEYS, STAGE_LOG_KEY, FOLD_LOG_KEY);

describe('a large file', () => {
  it('of 100 000 customers is in force, and no command of it blocks Redis for longer than a moment', async () => {
    const { registry, redis, openView, fenceOf } = bench();
    await registry.initialise({ shards: 1 });
    const view = await openView();
    await redis.config('SET', 'slowlog-log-slower-than', '200000');
    await redis.call('SLOWLOG', 'RESET');
    const parsed = catalogOf(1, manyCustomers(100_000));
    expect(await registry.apply(parsed, FILE)).toMatchObject({ status: 'applied', version: 1 });
    expect(await redis.call('SLOWLOG', 'LEN')).toBe(0);
    expect(await fenceOf('s00')).toMatchObject({ version: 1 });
    expect(await view.catchUp()).toBe(1);
    expect(await view.loadCustomer('customer-99999')).toMatchObject({ plan: 'pro' });
    expect(await redis.hlen('{catalog}:customer')).toBe(100_000);
    expect(await keysLeft(bench())).toBe(0);
    expect(await registry.apply(parsed, FILE)).toEqual({ status: 'unchanged', version: 1 });
  });

  it('is seen whole or not at all, while it is loaded', async () => {
    const { registry, openView, anotherRegistry } = bench();
    await registry.initialise({ shards: 1 });
    const view = await openView();
    const load = anotherRegistry().apply(catalogOf(1, manyCustomers(LARGE)), FILE);
    let looks = 0;
    while (view.version === 0) {
      const customer = await view.loadCustomer(`customer-${looks % LARGE}`);
      expect(customer === null).toBe(view.plan('pro') === undefined);
      looks += 1;
      await new Promise(setImmediate);
    }
    expect(await view.loadCustomer(`customer-${LARGE - 1}`)).toMatchObject({ plan: 'pro' });
    await load;
    expect(looks).toBeGreaterThan(1);
    await waitFor(() => view.version === 1, { timeoutMs: 1_000, what: 'the view' });
  });

  it('does not keep small changes from getting through, nor they it', async () => {
    const { registry, anotherRegistry } = bench();
    await registry.initialise({ shards: 1 });
    await registry.apply(catalogOf(1, []), FILE);
    const load = anotherRegistry().apply(catalogOf(1, manyCustomers(LARGE)), FILE);
    let small = 0;
    let loaded = false;
    const over = load.finally(() => {
      loaded = true;
    });
    while (!loaded) await registry.putObject('customer', `api-${small++}`, { plan: 'pro' }, API);
    expect(await over).toMatchObject({ status: 'applied' });
    expect(small).toBeGreaterThan(1);
    const outbox = await outboxOf(bench());
    expect([...outbox.values()].flat()).toHaveLength(OBJECTS + small);
  });
});

describe('a writer that dies', () => {
  it('while staging leaves nothing to be seen, and the next writer removes its stage', async () => {
    const at = bench();
    const { registry, redis, openView } = at;
    await registry.initialise({ shards: 1 });
    const view = await openView();
    await loadAndDie(at, async () => (await redis.llen(STAGE_LOG_KEY)) >= 6_000);
    expect(await keysLeft(at)).toBeGreaterThan(0);
    expect(await view.catchUp()).toBe(0);
    expect(await view.loadCustomer('customer-0')).toBeNull();
    expect(await registry.apply(catalogOf(5), FILE)).toMatchObject({ status: 'applied', version: 1 });
    expect(await keysLeft(at)).toBe(0);
    expect(await redis.hexists(CATALOG_META_KEY, 'stageToken')).toBe(0);
    expect(await registry.apply(catalogOf(5, manyCustomers(LARGE)), FILE)).toMatchObject({ version: 2 });
    expect([...(await outboxOf(at)).keys()]).toEqual([1, 2]);
  });

  it('while folding leaves the whole in force, and the next writer folds the rest, each change once', async () => {
    const at = bench();
    const { registry, redis, openView, fenceOf } = at;
    await registry.initialise({ shards: 1 });
    const view = await openView();
    await loadAndDie(at, async () => Number(await redis.hget(CATALOG_META_KEY, 'folded')) > 0);
    expect(await redis.hexists(CATALOG_META_KEY, 'foldTotal')).toBe(1);
    expect(await view.catchUp()).toBe(1);
    expect(view.plan('pro')).toBeDefined();
    expect(await view.loadCustomer(`customer-${LARGE - 1}`)).toMatchObject({ plan: 'pro' });
    expect(await registry.putObject('customer', 'extra', { plan: 'pro' }, API)).toMatchObject({ version: 2 });
    expect(await keysLeft(at)).toBe(0);
    expect(await view.catchUp()).toBe(2);
    expect(await fenceOf('s00')).toMatchObject({ version: 2 });
    const changes = (await outboxOf(at)).get(1) ?? [];
    expect(changes).toHaveLength(OBJECTS);
    expect(new Set(changes).size).toBe(OBJECTS);
    expect(changes[0]).toBe('0:meter:tokens');
    await waitFor(() => view.version === 2, { timeoutMs: 1_000, what: 'the view' });
  });

  it('between flip and fence is made good by the next start', async () => {
    const at = bench();
    const { registry, redis, anotherRegistry, fenceOf } = at;
    await registry.initialise({ shards: 1 });
    await loadAndDie(at, async () => Number(await redis.hget(CATALOG_META_KEY, 'version')) > 0);
    const report = await anotherRegistry().initialise({ shards: 1 });
    expect(report).toMatchObject({ created: false, version: 1, uninitialised: [] });
    expect(await fenceOf('s00')).toMatchObject({ version: 1 });
    expect(await keysLeft(at)).toBe(0);
    expect(await registry.apply(catalogOf(1, manyCustomers(LARGE)), FILE)).toEqual({ status: 'unchanged', version: 1 });
  });
});
