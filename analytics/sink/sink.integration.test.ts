import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { CATCH_UP_SUBJECT, DEAD_LETTER_STREAM, FACTS_STREAM, factsSubject } from '../../engine/contract/subjects.js';
import { CATALOG_OUTBOX_KEY, outboxKey } from '../../engine/store/keys.js';
import { CATALOG_RELAYED_KEY } from '../../ingest/relay/catalog-source.js';
import { type RunningRelay, startRelay } from '../../ingest/relay/start.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { ClickHouse } from '../clickhouse.js';
import { buildEntry, type TestEntry } from '../test-support/entry-builder.js';
import { numbers, Pipeline } from '../test-support/pipeline.js';
import type { FailPoint } from './insert.js';
import { ROUND_MS_UNASKED } from './pace.js';
import { type RunningSink, startSink } from './start.js';

let pipeline: Pipeline;
let clickhouse: ClickHouse;
let relay: RunningRelay;
let sink: RunningSink;
let failPoint: FailPoint | undefined;

beforeAll(async () => {
  pipeline = await Pipeline.start();
  clickhouse = await ClickHouse.open({ home: pipeline.home, clickhouseUrl: undefined });
  relay = newRelay();
  sink = newSink();
});

beforeEach(() => {
  failPoint = undefined;
});

afterAll(async () => {
  await relay.stop();
  await sink.stop();
  await clickhouse.close();
  await pipeline.stop();
});

const newRelay = (): RunningRelay =>
  startRelay({
    nats: pipeline.nats,
    redis: pipeline.redis,
    connectBlocking: () => pipeline.connectBlocking(),
    registry: new Registry(),
    log: pipeline.log,
  });

const newSink = (registry = new Registry()): RunningSink =>
  startSink({
    nats: pipeline.nats,
    clickhouse,
    registry,
    log: pipeline.log,
    failPoint: (step, table) => failPoint?.(step, table),
  });

const oneFact = (customer: string, amount: number): TestEntry => ({
  chargedAtMs: Date.now(),
  facts: [{ customer, feature: 'chat', meter: 'tokens', amount }],
});

const counted = (customer: string) =>
  numbers(
    clickhouse,
    `SELECT count() AS rows, sum(amount) AS amount, uniqExact(epoch, shard, outbox_ms, outbox_seq, idx) AS identities
     FROM usage_facts WHERE customer = '${customer}'`,
  );

/** As a reader does: asks the sink for what it holds, and looks. */
const untilRows = (customer: string, rows: number) => {
  const reached = async (): Promise<boolean> => {
    pipeline.nats.publish(CATCH_UP_SUBJECT);
    return (await counted(customer)).rows === rows;
  };
  return waitFor(reached, { timeoutMs: 20_000, what: `${rows} rows` });
};

it('every fact and denial of the outbox is in ClickHouse once, with all that it says, and leaves the outbox', async () => {
  const chargedAtMs = Date.now();
  for (let index = 0; index < 300; index++) {
    await pipeline.append({
      chargedAtMs,
      version: 9,
      facts: [
        {
          customer: 'acme',
          entity: 'team',
          feature: 'chat',
          meter: 'tokens',
          amount: index,
          source: 'sdk',
          id: `event-${index}`,
          dimensions: { model: 'small', region: 'zürich' },
          limits: [
            { id: 'monthly', included: 1_000, windowStartMs: 1_793_491_200_000, after: 2 ** 53 - 1 },
            { id: 'burst', included: 50, windowStartMs: null, after: -3 },
          ],
        },
      ],
      denials: [{ customer: 'acme', feature: 'chat', meter: 'tokens', reason: 'suspended', amount: 5, count: 2 }],
    });
  }
  await untilRows('acme', 300);
  expect(await counted('acme')).toMatchObject({ amount: 44_850, identities: 300 });
  const exact = `entity = 'team' AND source = 'sdk' AND id = 'event-7' AND dimensions = map('model','small','region','zürich')
    AND limit_ids = ['monthly','burst'] AND limit_window_starts = [1793491200000,-2]
    AND limit_after = [9007199254740991,-3] AND limit_included = [1000,50] AND catalog_version = 9 AND kind = 'check'
    AND charged_at = fromUnixTimestamp64Milli(${chargedAtMs}) AND amount = 7 AND meter_amount = 7`;
  expect(await numbers(clickhouse, `SELECT count() AS n FROM usage_facts WHERE ${exact}`)).toEqual({ n: 1 });
  expect(await numbers(clickhouse, 'SELECT sum(denials) AS n, sum(amount) AS a FROM denials')).toEqual({
    n: 600,
    a: 1_500,
  });
  await waitFor(async () => (await pipeline.redis.xlen(outboxKey('s00'))) === 0, {
    timeoutMs: 5_000,
    what: 'no outbox',
  });
});

it('an insert that took place though its answer was lost is not repeated', async () => {
  const failures: string[] = [];
  failPoint = (step, table) => {
    if (step === 'after insert' && failures.length < 1) {
      failures.push(table);
      throw new Error('the answer is lost');
    }
  };
  for (let index = 0; index < 50; index++) await pipeline.append(oneFact('lost-answer', 1));
  await waitFor(() => failures.length === 1, { timeoutMs: 10_000, what: 'a lost answer' });
  await pipeline.append(oneFact('lost-answer', 1));
  await untilRows('lost-answer', 51);
  expect(await counted('lost-answer')).toEqual({ rows: 51, amount: 51, identities: 51 });
});

it('an insert that did not take place is made up for', async () => {
  let failures = 0;
  failPoint = (step) => {
    if (step === 'before insert' && failures++ < 2) throw new Error('no connection');
  };
  await pipeline.append(oneFact('no-connection', 3));
  await untilRows('no-connection', 1);
});

it('facts of two months and denials of one entry survive a failure between their inserts', async () => {
  let failed = false;
  failPoint = (step, table) => {
    if (step === 'before insert' && table === 'denials' && !failed) {
      failed = true;
      throw new Error('in between');
    }
  };
  const common = { feature: 'chat', meter: 'tokens', customer: 'two-months' };
  await pipeline.append({
    chargedAtMs: Date.now(),
    facts: [
      { ...common, amount: 1, chargedAtMs: Date.UTC(2026, 8, 30) },
      { ...common, amount: 2, chargedAtMs: Date.UTC(2026, 9, 1) },
    ],
    denials: [{ ...common, reason: 'expired', amount: 4 }],
  });
  await waitFor(
    async () => (await numbers(clickhouse, "SELECT count() AS n FROM denials WHERE customer = 'two-months'")).n === 1,
    { timeoutMs: 10_000, what: 'the denial' },
  );
  expect(failed).toBe(true);
  expect(await counted('two-months')).toEqual({ rows: 2, amount: 3, identities: 2 });
});

it('entries that are published again under other message boundaries count once, before and after a restart', async () => {
  const ms = Date.now();
  const entries = [1, 2, 3, 4, 5].map((seq) => ({ ms, seq, bytes: buildEntry(oneFact('again', seq)) }));
  await pipeline.publish('s90', entries.slice(0, 3));
  await pipeline.publish('s90', entries.slice(1, 5));
  await pipeline.publish('s90', entries.slice(0, 5));
  await untilRows('again', 5);
  await sink.stop();
  await pipeline.publish('s90', entries);
  await pipeline.publish('s90', [...entries.slice(3), { ms, seq: 6, bytes: buildEntry(oneFact('again', 6)) }]);
  sink = newSink();
  await untilRows('again', 6);
  expect(await counted('again')).toEqual({ rows: 6, amount: 21, identities: 6 });
});

it('what cannot be read is set aside with the reason, and everything beside it is booked', async () => {
  const manager = await pipeline.nats.jetstreamManager();
  const letters = async () => (await manager.streams.info(DEAD_LETTER_STREAM)).state.messages;
  const before = await letters();
  const ms = Date.now();
  const good = (seq: number) => ({ ms, seq, bytes: buildEntry(oneFact('beside', seq)) });
  await pipeline.publish('s91', [good(1), { ms, seq: 2, bytes: Buffer.from('rubbish') }, good(3)]);
  await pipeline.publishBytes('s91', Buffer.from('not even entries'));
  await pipeline.publish('s91', [good(4)]);
  await untilRows('beside', 3);
  await waitFor(async () => (await letters()) === before + 2, { timeoutMs: 5_000, what: 'two dead letters' });
  const last = await manager.streams.getMessage(DEAD_LETTER_STREAM, { last_by_subj: 'weir.dead-letters' });
  expect(last.header.get('weir-reason')).toMatch(/\w/);
  expect(Buffer.from(last.data).toString()).toBe('not even entries');
});

it('an entry larger than a message travels in several', async () => {
  const dimensions = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`d${index}`, 'x'.repeat(250)]));
  await pipeline.append({
    chargedAtMs: Date.now(),
    facts: Array.from({ length: 300 }, (_, amount) => ({
      customer: 'large',
      feature: 'chat',
      meter: 'tokens',
      amount,
      dimensions,
    })),
  });
  await pipeline.append(oneFact('large', 1));
  await untilRows('large', 301);
});

it('a relay that published and died before it emptied the outbox publishes nothing twice', async () => {
  await relay.stop();
  const manager = await pipeline.nats.jetstreamManager();
  await pipeline.append(oneFact('relay', 1));
  const [entry] = await pipeline.redis.xrangeBuffer(outboxKey('s00'), '-', '+');
  relay = newRelay();
  await untilRows('relay', 1);
  await relay.stop();
  const messages = async () =>
    (await manager.streams.info(FACTS_STREAM, { subjects_filter: factsSubject('s00') })).state.subjects?.[
      factsSubject('s00')
    ];
  const before = await messages();
  // As if the entry had never left the outbox. The stream’s ids only grow, so it goes into a new one.
  await pipeline.redis.del(outboxKey('s00'));
  const id = entry?.[0].toString() ?? '';
  await pipeline.redis.xadd(outboxKey('s00'), id, 'b', buildEntry(oneFact('relay', 1)));
  relay = newRelay();
  await pipeline.append(oneFact('relay', 10));
  await untilRows('relay', 2);
  expect(await messages()).toBe((before ?? 0) + 1);
  expect(await counted('relay')).toEqual({ rows: 2, amount: 11, identities: 2 });
});

it('a stream that was lost and made anew loses and doubles nothing that was still in the outbox', async () => {
  await relay.stop();
  await sink.stop();
  await pipeline.append(oneFact('new-stream', 1));
  const manager = await pipeline.nats.jetstreamManager();
  await manager.streams.delete(FACTS_STREAM);
  relay = newRelay();
  sink = newSink();
  await untilRows('new-stream', 1);
});

it('a stream that is made anew under a running relay and sink is read from its beginning', async () => {
  const manager = await pipeline.nats.jetstreamManager();
  await manager.streams.delete(FACTS_STREAM);
  await pipeline.append(oneFact('under-way', 1));
  await untilRows('under-way', 1);
  await pipeline.append(oneFact('under-way', 2));
  await untilRows('under-way', 2);
});

it('a rebuilt Redis goes on under a higher epoch', async () => {
  await relay.stop();
  await pipeline.setEpoch(2);
  await pipeline.redis.del(outboxKey('s00'));
  relay = newRelay();
  await pipeline.append(oneFact('rebuilt', 5));
  await untilRows('rebuilt', 1);
  expect(await numbers(clickhouse, "SELECT max(epoch) AS n FROM usage_facts WHERE customer = 'rebuilt'")).toEqual({
    n: 2,
  });
});

it('changes of the catalog become the audit trail, and stay in Redis for gateways', async () => {
  const change = {
    version: 7,
    atMs: Date.now(),
    actor: 'key-1',
    owner: 'api',
    type: 'plan',
    id: 'pro',
    before: null,
    after: { id: 'pro' },
  };
  const id = await pipeline.redis.xadd(CATALOG_OUTBOX_KEY, '*', 'j', JSON.stringify(change));
  await waitFor(
    async () =>
      (
        await numbers(
          clickhouse,
          `SELECT count() AS n FROM catalog_changes WHERE actor = 'key-1' AND after = '{"id":"pro"}'`,
        )
      ).n === 1,
    { timeoutMs: 10_000, what: 'the change' },
  );
  expect(await pipeline.redis.get(CATALOG_RELAYED_KEY)).toBe(id);
  expect(await pipeline.redis.xlen(CATALOG_OUTBOX_KEY)).toBe(1);
});

it('facts go on after NATS was killed and came back', async () => {
  await pipeline.append(oneFact('nats-restart', 1));
  await untilRows('nats-restart', 1);
  await pipeline.natsService.kill('SIGKILL');
  await pipeline.append(oneFact('nats-restart', 2));
  await pipeline.natsService.restart();
  await pipeline.append(oneFact('nats-restart', 4));
  await untilRows('nats-restart', 3);
  expect(await counted('nats-restart')).toEqual({ rows: 3, amount: 7, identities: 3 });
});

it('while nobody reads facts gather for seconds, and whoever asks has them when the answer comes', async () => {
  await sink.stop();
  const registry = new Registry();
  sink = newSink(registry);
  const rounds = async (): Promise<number> => {
    const metric = await registry.getSingleMetric('weir_sink_batches_total')?.get();
    return metric?.values[0]?.value ?? 0;
  };
  const manager = await pipeline.nats.jetstreamManager();
  const stored = async (): Promise<number> => (await manager.streams.info(FACTS_STREAM)).state.last_seq;
  await pipeline.append(oneFact('patient', 1));
  await untilRows('patient', 1);
  const before = { rounds: await rounds(), ms: performance.now() };
  for (let fact = 0; fact < 10; fact++) {
    const last = await stored();
    await pipeline.append(oneFact('patient', 1));
    await waitFor(async () => (await stored()) > last, { timeoutMs: 10_000, what: 'a message of its own' });
  }
  const asks = { count: 0 };
  const read = async (): Promise<boolean> => {
    asks.count += 1;
    const reply = await pipeline.nats.request(CATCH_UP_SUBJECT, undefined, { timeout: 10_000 });
    expect(JSON.parse(Buffer.from(reply.data).toString())).toEqual({ caughtUp: true });
    return (await counted('patient')).rows === 11;
  };
  await waitFor(read, { timeoutMs: 20_000, what: 'what was stored a moment ago' });
  const unasked = Math.floor((performance.now() - before.ms) / ROUND_MS_UNASKED);
  expect((await rounds()) - before.rounds).toBeLessThanOrEqual(unasked + asks.count);
});
