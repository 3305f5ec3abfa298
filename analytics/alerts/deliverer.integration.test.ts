import { connect, type NatsConnection } from 'nats';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { type Service, startNats, waitFor } from '../../loadtest/harness/services.js';
import { type Alert, alertId, deliveryId } from './alert.js';
import { Deliverer } from './deliverer.js';
import { type Delivery, newDelivery } from './delivery.js';
import { DeliveryStore, type StoredDelivery } from './delivery-store.js';
import { AlertMetrics } from './metrics.js';
import type { AttemptOutcome } from './post.js';
import { ensureAlertStreams } from './streams.js';
import type { Target } from './target.js';

let service: Service;
let nats: NatsConnection;
let store: DeliveryStore;

beforeAll(async () => {
  service = await startNats();
  nats = await connect(natsConnectionOptions(service.url));
  const manager = await nats.jetstreamManager();
  await ensureAlertStreams(manager);
  store = new DeliveryStore(nats.jetstream(), manager);
});
afterAll(async () => {
  await nats.close();
  await service.stop();
});

let alerts = 0;
function alertOf(customer: string): Alert {
  const at = new Date().toISOString();
  const of = { customer, entity: '', feature: 'chat', limit: 'monthly', kind: 'cap_reached', threshold: null } as const;
  const id = alertId({ ...of, windowStartMs: alerts++, windowEndMs: 1 });
  return { ...of, id, at, plan: 'pro', entity: null, used: 1, included: 1, window: { start: at, end: null } };
}
const targetOf = (id: string): Target => ({
  id,
  destination: { kind: 'webhook', url: 'https://example.com', filter: {} },
  secrets: [],
  updatedAt: '',
  updatedBy: 'test',
});
const DELIVERED: AttemptOutcome = { delivered: true, status: 204, ms: 1, error: null };
const FAILED: AttemptOutcome = { delivered: false, status: 500, ms: 1, error: 'status 500' };

interface Options {
  readonly store?: Pick<DeliveryStore, 'write' | 'read' | 'remove' | 'all'>;
  readonly send: (target: Target, delivery: Delivery) => Promise<AttemptOutcome>;
  readonly known?: (target: string) => boolean;
}

/** A deliverer, and the lines of its log. */
function delivererOf({ send, known = () => true, store: own = store }: Options) {
  const lines: Delivery[] = [];
  const abort = new AbortController();
  const deliverer = new Deliverer({
    store: own,
    log: async (delivery) => void lines.push(delivery),
    target: (id) => (known(id) ? targetOf(id) : undefined),
    send,
    backoff: { firstMs: 10, factor: 1, longestMs: 10, totalMs: 60_000 },
    metrics: new AlertMetrics(new Registry(), () => ({ count: 0, oldestMs: 0 })),
    logger: { warn: () => undefined },
    signal: abort.signal,
  });
  const stop = async (): Promise<void> => {
    abort.abort();
    await deliverer.stop();
  };
  return { deliverer, lines, stop };
}
const waits = (what: string, condition: () => boolean) => waitFor(condition, { timeoutMs: 40_000, what });

test('a write whose answer is lost is no delivery that nobody looks after, and none that is made twice', async () => {
  let lost = 0;
  const losing = {
    read: (id: string) => store.read(id),
    remove: (stored: StoredDelivery) => store.remove(stored),
    all: () => store.all(),
    async write(delivery: Delivery, sequence: number) {
      const stored = await store.write(delivery, sequence);
      if (lost++ % 2 === 0) throw new Error('the answer is lost');
      return stored;
    },
  };
  const sent: string[] = [];
  const { deliverer, lines, stop } = delivererOf({
    store: losing,
    send: async (_, { id }) => {
      sent.push(id);
      return DELIVERED;
    },
  });
  const delivery = newDelivery(alertOf('acme'), 'lossy', Date.now());
  await expect(deliverer.add(delivery)).rejects.toThrow('lost');
  await deliverer.add(delivery);
  await deliverer.add(delivery);
  await waits('the delivery', () => lines.some(({ state }) => state === 'delivered'));
  expect(sent).toEqual([delivery.id]);
  expect(deliverer.pending).toBe(0);
  await stop();
});

test('what one process leaves behind the next one goes on with, at its attempt', async () => {
  const delivery = newDelivery(alertOf('acme'), 'ops', Date.now());
  const first = delivererOf({ send: async () => FAILED });
  await first.deliverer.add(delivery);
  await waits('some attempts', () => first.lines.some(({ attempts }) => attempts >= 2));
  await first.stop();
  const before = (await store.read(delivery.id))?.delivery.attempts ?? 0;
  const second = delivererOf({ send: async () => DELIVERED });
  await second.deliverer.resume();
  await waits('the delivery', () => second.lines.some(({ id, state }) => id === delivery.id && state === 'delivered'));
  const line = second.lines.find(({ id, state }) => id === delivery.id && state === 'delivered');
  expect(line?.attempts).toBe(before + 1);
  await second.stop();
});

test('of two processes that hold the same delivery one goes on with it', async () => {
  const delivery = newDelivery(alertOf('acme'), 'both', Date.now());
  const [first, second] = [delivererOf({ send: async () => FAILED }), delivererOf({ send: async () => FAILED })];
  await first.deliverer.add(delivery);
  await second.deliverer.add(delivery);
  await waits('one to give way', () => first.deliverer.pending + second.deliverer.pending === 1);
  await Promise.all([first.stop(), second.stop()]);
});

test('a target that does not answer delays no other, and a deleted one is given up', async () => {
  const sent: string[] = [];
  const silence = new Promise<AttemptOutcome>(() => undefined);
  const { deliverer, lines, stop } = delivererOf({
    known: (id) => id !== 'gone',
    send: async ({ id }) => {
      sent.push(id);
      return id === 'slow' ? silence : DELIVERED;
    },
  });
  const add = (target: string) => deliverer.add(newDelivery(alertOf('acme'), target, Date.now()));
  const alert = alertOf('acme');
  await deliverer.add(newDelivery(alert, 'slow', Date.now()));
  for (let index = 1; index < 20; index++) await add('slow');
  for (let index = 0; index < 20; index++) await add('quick');
  await add('gone');
  await waits('all to the quick one', () => sent.filter((id) => id === 'quick').length === 20);
  // As many as are tried at a time.
  expect(sent.filter((id) => id === 'slow')).toHaveLength(8);
  await waits('the one that is given up', () => lines.some(({ state }) => state === 'dead'));
  expect(lines.find(({ state }) => state === 'dead')).toMatchObject({
    target: 'gone',
    error: 'the target was deleted',
  });
  // Nor does it keep the process from stopping: it is sent to again after the start.
  await stop();
  expect((await store.read(deliveryId(alert.id, 'slow')))?.delivery).toMatchObject({ state: 'pending', attempts: 0 });
});
