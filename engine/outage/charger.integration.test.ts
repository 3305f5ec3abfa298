import { expect, test } from 'vitest';
import { openCatalogView } from '../catalog/cache.js';
import { Decider } from '../decide.js';
import { Store } from '../store/store.js';
import { StoreClock } from '../store/store-clock.js';
import { SpoolCharger } from './charger.js';
import type { SpooledOperation } from './spool-format.js';
import { useOutageBench } from './test-support.js';

const quota = (every: string): object => ({ id: every, kind: 'quota', amount: 100, window: { every } });
const bench = useOutageBench({
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'plan', features: { chat: { limits: [quota('minute'), quota('month'), quota('lifetime')] } } }],
  customers: ['c0', 'c1', 'c2'].map((id) => ({ id, plan: 'plan' })),
});

const HOUR_MS = 60 * 60 * 1_000;
const operation = (customer: string, amount: number, admittedAtMs: number, id?: string): SpooledOperation => ({
  customer,
  feature: 'chat',
  meter: 'tokens',
  amount,
  admittedAtMs,
  id,
});

/** A charger of a gateway whose clock is wrong by so much. */
async function withCharger(skewMs: number, use: (charger: SpoolCharger) => Promise<void>): Promise<void> {
  const { redis, service } = bench();
  const view = await openCatalogView({ redis: service.url });
  const clock = new StoreClock(Date.now, Date.now);
  const store = new Store({ redis, clock, shards: view.shards, storeTimeoutMs: 1_000, storeFateMs: 2_000 });
  const decider = new Decider(view, store, () => Date.now() + skewMs);
  try {
    await use(new SpoolCharger({ redis, decider, shards: view.shards, clockMs: () => 0, log: undefined }));
  } finally {
    store.close();
    await view.close();
  }
}

test('a gateway whose clock is wrong charges all the same, to the windows by the clock of Redis', async () => {
  for (const skewMs of [-400 * 24 * HOUR_MS, 400 * 24 * HOUR_MS]) {
    await withCharger(skewMs, async (charger) => {
      const operations = ['c0', 'c1', 'c2'].map((customer) => operation(customer, 1, Date.now() + skewMs));
      expect(await charger.charge(`skew${skewMs}`, { sequence: 1, operations })).toEqual([]);
      expect(charger.counters.charged).toBe(3);
    });
  }
  const facts = await bench().facts();
  expect(facts).toHaveLength(6);
  const latest = facts.at(-1);
  expect(latest?.limits.map(({ id, after }) => [id, after])).toEqual([
    ['minute', 1],
    ['month', 1],
    ['lifetime', 2],
  ]);
});

test('a frame is charged under its number once, whatever is charged after it, and by a later catalog too', async () => {
  await withCharger(0, async (charger) => {
    const now = Date.now();
    for (let sequence = 1; sequence <= 3; sequence++) {
      await charger.charge('spool', { sequence, operations: [operation('c0', sequence, now, `id-${sequence}`)] });
    }
    await bench().registry.putObject(
      'plan',
      'plan',
      { features: { chat: { limits: [quota('lifetime')] } } },
      { owner: 'test', actor: 'test' },
    );
    for (let sequence = 1; sequence <= 3; sequence++) {
      await charger.charge('spool', { sequence, operations: [operation('c0', sequence, now, `id-${sequence}`)] });
    }
    await charger.charge('another', { sequence: 1, operations: [operation('c0', 1, now, 'id-1')] });
    expect(charger.counters.known).toBe(1);
    expect((await bench().facts()).map(({ amount }) => amount)).toEqual([1, 2, 3]);
    expect(await bench().redis.pttl('{s00}:fate:spool:0')).toBe(-1);
    await charger.expire('spool');
    expect(await bench().redis.pttl('{s00}:fate:spool:0')).toBeGreaterThan(0);
  });
});

test('what no counter can hold is handed back, and the rest of its frame is charged', async () => {
  await withCharger(0, async (charger) => {
    const now = Date.now();
    const huge = operation('c1', Number.MAX_SAFE_INTEGER, now);
    const frame = { sequence: 1, operations: [operation('c1', 5, now), huge, operation('c2', 6, now)] };
    expect(await charger.charge('spool', frame)).toEqual([huge]);
    expect((await bench().facts()).map(({ customer, amount }) => [customer, amount])).toEqual([
      ['c1', 5],
      ['c2', 6],
    ]);
  });
});
