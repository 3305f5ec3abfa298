import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALERTS_CONSUMER, FACTS_STREAM, LEASES_BUCKET } from '../../engine/contract/subjects.js';
import { CATALOG_SHARD, catalogSchema } from '../../engine/index.js';
import { Lease } from '../../engine/platform/lease.js';
import { ensureStreams } from '../../ingest/relay/streams.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { memoryCatalog } from '../console/test-support/memory-catalog.js';
import { FactsConsumer } from '../sink/facts-consumer.js';
import { buildEntry } from '../test-support/entry-builder.js';
import { Pipeline } from '../test-support/pipeline.js';
import { Detector } from './detector.js';
import { FactsWatch } from './facts-watch.js';
import type { QuotaCharge } from './scan-entry.js';

const document = catalogSchema.parse({
  plans: [
    {
      id: 'pro',
      features: {
        chat: { limits: [{ id: 'ever', kind: 'quota', amount: 100, window: { every: 'lifetime' }, warnAt: [80] }] },
      },
    },
  ],
});
const catalog = memoryCatalog(document);

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await Pipeline.start();
  await ensureStreams(await pipeline.nats.jetstreamManager());
});
afterAll(() => pipeline.stop());

let places = 0;
const publish = (customer: string, after: number): Promise<void> => {
  const limits = [{ id: 'ever', included: 100, windowStartMs: 0, after }];
  const bytes = buildEntry({
    chargedAtMs: Date.now(),
    facts: [{ customer, feature: 'chat', meter: 'calls', amount: 1, limits }],
  });
  return pipeline.publish('s00', [{ ms: 1, seq: places++, bytes }]);
};

/** One term of the watch, and what it found. */
async function startWatch() {
  const manager = await pipeline.nats.jetstreamManager();
  const abort = new AbortController();
  const lease = await Lease.acquire({
    store: await pipeline.nats.jetstream().views.kv(LEASES_BUCKET),
    key: 'alerts',
    signal: abort.signal,
  });
  const consumer = new FactsConsumer(pipeline.nats, manager, lease, { name: ALERTS_CONSUMER });
  const charges: QuotaCharge[] = [];
  const swept: string[] = [];
  let version = 1;
  let caughtUp = 0;
  let failures = 0;
  let held: Promise<void> = Promise.resolve();
  const watch = new FactsWatch({
    consumer,
    detector: new Detector(catalog),
    raiser: {
      raise: async (found) => {
        if (failures > 0) {
          failures -= 1;
          throw new Error('the stream of alerts cannot be reached');
        }
        charges.push(...found);
        await held;
      },
    },
    sweep: (customer) => swept.push(customer),
    catalog: {
      get version() {
        return version;
      },
      async catchUp() {
        caughtUp += 1;
        version += 1;
        return version;
      },
    },
    lease,
    log: pipeline.log,
    signal: abort.signal,
  });
  const running = watch.run(() => undefined);
  const ended = running.catch((error: unknown) => error);
  return {
    swept,
    caughtUp: () => caughtUp,
    customers: () => charges.map(({ customer }) => customer),
    fail: () => {
      failures = 1;
    },
    /** Lets nothing be raised until the result is called. */
    hold() {
      let release: () => void = () => undefined;
      held = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
    ended,
    async stop() {
      abort.abort();
      await ended;
      consumer.close();
      await pipeline.nats.flush();
      await lease.release();
    },
  };
}
const waits = (what: string, condition: () => boolean) => waitFor(condition, { timeoutMs: 40_000, what });

test('charges past a threshold are shown, whatever else comes; what could not be raised is read again', async () => {
  const first = await startWatch();
  await publish('below', 79);
  await pipeline.publishBytes('s00', Buffer.from('no entry at all'));
  await publish('acme', 80);
  await waits('the charge', () => first.customers().length === 1);
  expect(first.customers()).toEqual(['acme']);
  first.fail();
  await publish('again', 90);
  expect(await first.ended).toBeInstanceOf(Error);
  await first.stop();
  const second = await startWatch();
  await waits('the charge that failed', () => second.customers().length === 1);
  expect(second.customers()).toEqual(['again']);
  expect(second.swept).toEqual([]);
  await second.stop();
});

test('facts that are purged before they are read make it look at all counters', async () => {
  const watch = await startWatch();
  const release = watch.hold();
  // More than JetStream sends ahead.
  for (let index = 0; index < 100; index++) await publish(`c${index}`, 85);
  await publish('kept', 85);
  await waits('the first of them', () => watch.customers().includes('c0'));
  const manager = await pipeline.nats.jetstreamManager();
  const { state } = await manager.streams.info(FACTS_STREAM);
  await manager.streams.purge(FACTS_STREAM, { seq: state.last_seq });
  expect(watch.swept).toEqual([]);
  release();
  await waits('the fact that is left', () => watch.customers().includes('kept'));
  expect(watch.customers()).not.toContain('c99');
  expect(watch.swept).toEqual(['all']);
  await watch.stop();
});

test('a change of a customer asks for a look at it, one of a plan for a look at all, one of a key for none', async () => {
  const watch = await startWatch();
  const change = (type: string, id: string, version = 2): Promise<void> =>
    pipeline.publish(CATALOG_SHARD, [
      { ms: 1, seq: places++, bytes: Buffer.from(JSON.stringify({ version, type, id })) },
    ]);
  await change('key', 'k');
  await change('customer', 'acme');
  await change('plan', 'pro');
  await waits('both looks', () => watch.swept.length === 2);
  expect(watch.swept).toEqual(['acme', 'all']);
  // Once for all changes of a version, however many.
  expect(watch.caughtUp()).toBe(1);
  await change('customer', 'late', 3);
  await waits('the third look', () => watch.swept.length === 3);
  expect(watch.caughtUp()).toBe(2);
  await watch.stop();
});
