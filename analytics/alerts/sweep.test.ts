import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { type CounterReading, catalogSchema } from '../../engine/index.js';
import { waitFor } from '../../loadtest/harness/wait-for.js';
import { memoryCatalog } from '../console/test-support/memory-catalog.js';
import { Detector } from './detector.js';
import { AlertMetrics } from './metrics.js';
import type { QuotaCharge } from './scan-entry.js';
import { Sweep } from './sweep.js';

const CUSTOMERS = 450;
const ids = Array.from({ length: CUSTOMERS }, (_, index) => `c${String(index).padStart(3, '0')}`);
const document = catalogSchema.parse({
  meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'calls' }],
  plans: [
    {
      id: 'pro',
      features: {
        chat: { limits: [{ id: 'ever', kind: 'quota', amount: 100, window: { every: 'lifetime' }, warnAt: [80] }] },
      },
    },
  ],
  customers: ids.map((id) => ({ id, plan: 'pro' })),
});

/** A sweep over counters that the test sets. */
function sweepOf() {
  const used = new Map<string, number>();
  const looks = new Map<string, number>();
  const raised: QuotaCharge[] = [];
  const failures = { left: 0 };
  const calls = { count: 0 };
  const catalog = memoryCatalog(document);
  const abort = new AbortController();
  async function* read(customers: readonly string[]): AsyncGenerator<CounterReading> {
    if (failures.left > 0) {
      failures.left -= 1;
      throw new Error('Redis is away');
    }
    calls.count += 1;
    for (const id of customers) looks.set(id, (looks.get(id) ?? 0) + 1);
    const base = {
      entity: '',
      key: '',
      feature: 'chat',
      limit: 'ever',
      windowStartMs: 0,
      previousStartMs: null,
      before: 0,
    };
    yield {
      point: { shard: 's00', epoch: 1, outboxMs: 1, outboxSeq: 0, atMs: Date.now() },
      counters: customers.map((customer) => ({ ...base, customer, used: used.get(customer) ?? 0 })),
    };
  }
  const sweep = new Sweep({
    catalog,
    counters: { read },
    listCustomers: async (limit, cursor) => {
      const from = Number(cursor ?? 0);
      const next = from + limit;
      return { ids: ids.slice(from, next), cursor: next < ids.length ? String(next) : null };
    },
    detector: new Detector(catalog),
    raiser: { raise: async (charges) => void raised.push(...charges) },
    metrics: new AlertMetrics(new Registry(), () => ({ count: 0, oldestMs: 0 })),
    log: { warn: () => undefined },
    everyMs: 3_600_000,
    signal: abort.signal,
  });
  const running = sweep.run();
  onTestFinished(async () => {
    abort.abort();
    await running;
  });
  return { sweep, used, looks, calls, raised, failures };
}
const waits = (what: string, condition: () => boolean) => waitFor(condition, { timeoutMs: 10_000, what });

test('a start looks at everybody, and shows what stands past a threshold', async () => {
  const { used, looks, raised } = sweepOf();
  used.set('c444', 85).set('c001', 79);
  await waits('a whole round', () => looks.size === CUSTOMERS);
  await waits('the one customer', () => raised.length === 1);
  expect(raised).toMatchObject([{ customer: 'c444', limit: 'ever', used: 85, included: 100 }]);
});

test('customers that are asked for one after the other are looked at together', async () => {
  const { sweep, looks, calls } = sweepOf();
  await waitFor(() => looks.size === CUSTOMERS, { timeoutMs: 5_000, what: 'everybody' });
  const before = calls.count;
  for (const id of ids.slice(0, 20)) {
    sweep.request(id);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor(() => looks.get('c019') === 2, { timeoutMs: 5_000, what: 'the last one' });
  expect(calls.count - before).toBe(1);
});

test('a request is looked at, also while Redis fails at first', async () => {
  const { sweep, used, looks, raised, failures } = sweepOf();
  await waits('the first round', () => looks.size === CUSTOMERS);
  used.set('c007', 100);
  failures.left = 1;
  sweep.request('c007');
  await waits('the customer', () => raised.length === 1);
  expect(looks.get('c008')).toBe(1);
  sweep.request('all');
  await waits('everybody again', () => ids.every((id) => (looks.get(id) ?? 0) >= 2));
});
