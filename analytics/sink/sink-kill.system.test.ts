import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  DEAD_LETTER_RETRY_SUBJECT,
  DEAD_LETTER_STREAM,
  FACTS_STREAM,
  SINK_CONSUMER,
} from '../../engine/contract/subjects.js';
import { assetPath } from '../../engine/platform/assets.js';
import { type RunningRelay, startRelay } from '../../ingest/relay/start.js';
import { type Child, startChild } from '../../loadtest/harness/child.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { ClickHouse } from '../clickhouse.js';
import { buildEntry } from '../test-support/entry-builder.js';
import { numbers, Pipeline } from '../test-support/pipeline.js';
import { publishDeadLetter } from './dead-letter.js';
import { retryAnswerSchema } from './dead-letter-retry.js';
import { DeadLetters } from './dead-letters.js';

const KILLS = 8;
const FACTS_PER_ENTRY = 25;

let pipeline: Pipeline;
let relay: RunningRelay;

beforeAll(async () => {
  pipeline = await Pipeline.start();
  relay = startRelay({
    nats: pipeline.nats,
    redis: pipeline.redis,
    connectBlocking: () => pipeline.connectBlocking(),
    registry: new Registry(),
    log: pipeline.log,
  });
  const manager = await pipeline.nats.jetstreamManager();
  await waitFor(() => manager.streams.info(DEAD_LETTER_STREAM), { timeoutMs: 20_000, what: 'the streams to be there' });
});

afterAll(async () => {
  await relay.stop();
  await pipeline.stop();
});

const startSinkChild = (...failPoint: string[]): Promise<Child> => {
  const program = assetPath(join('dist', 'analytics/test-support/sink-child/main.js'));
  return startChild(process.execPath, [program, pipeline.home, pipeline.natsService.url, ...failPoint]);
};

async function appendEntry(sequence: number): Promise<void> {
  const common = { feature: 'chat', meter: 'tokens' };
  await pipeline.append({
    chargedAtMs: Date.now(),
    facts: Array.from({ length: FACTS_PER_ENTRY }, (_, index) => ({
      ...common,
      customer: `customer-${index}`,
      amount: sequence,
      // Two months: an entry's rows go into two inserts.
      ...(index % 2 === 0 ? { chargedAtMs: Date.UTC(2026, 8, 30) } : {}),
    })),
    denials: [{ ...common, customer: 'acme', reason: 'limit_exceeded', amount: 1 }],
  });
}

it('a sink that is killed again and again, in an insert or beside one, books every fact and denial exactly once', async () => {
  let entries = 0;
  let producing = true;
  const producer = (async () => {
    while (producing) {
      await appendEntry(++entries);
      await delay(2);
    }
  })();
  for (let kill = 0; kill < KILLS; kill++) {
    const failPoint = [[], ['before insert', '2'], ['after insert', '1'], ['after insert', '2']][kill % 4] ?? [];
    const child = await startSinkChild(...failPoint);
    if (failPoint.length === 0) {
      await delay(600 + kill * 37);
      child.signal('SIGKILL');
    }
    expect(await child.exited, child.output()).toBe('SIGKILL');
  }
  producing = false;
  await producer;

  const child = await startSinkChild();
  const manager = await pipeline.nats.jetstreamManager();
  await waitFor(
    async () => {
      const { state } = await manager.streams.info(FACTS_STREAM);
      const consumer = await manager.consumers.info(FACTS_STREAM, SINK_CONSUMER);
      return consumer.ack_floor.stream_seq === state.last_seq;
    },
    { timeoutMs: 30_000, what: 'everything to be acknowledged' },
  );
  expect(await child.stop()).toBe(0);

  const clickhouse = await ClickHouse.open({ home: pipeline.home, clickhouseUrl: undefined });
  const counts = (table: string) =>
    numbers(
      clickhouse,
      `SELECT count() AS rows, uniqExact(epoch, shard, outbox_ms, outbox_seq, idx) AS identities, sum(amount) AS amount
       FROM ${table}`,
    );
  const rows = entries * FACTS_PER_ENTRY;
  const amount = (FACTS_PER_ENTRY * (entries * (entries + 1))) / 2;
  expect(await counts('usage_facts')).toEqual({ rows, identities: rows, amount });
  expect(await counts('denials')).toEqual({ rows: entries, identities: entries, amount: entries });
  await clickhouse.close();
});

it('a dead letter whose sink is killed between its rows and its removal is booked once, and then is gone', async () => {
  const fact = { customer: 'letter', feature: 'chat', meter: 'tokens', amount: 7 };
  await publishDeadLetter(pipeline.nats.jetstream(), {
    bytes: buildEntry({ chargedAtMs: Date.now(), facts: [fact, fact] }),
    reason: 'an earlier sink could not read it',
    origin: `1/s77/${Date.now()}-0`,
    shard: 's77',
    epoch: '1',
  });
  const letters = new DeadLetters(await pipeline.nats.jetstreamManager());
  const list = async () => (await letters.list(0, 10)).rows;
  const [letter] = await list();
  const retry = async () => {
    const request = Buffer.from(JSON.stringify({ id: letter?.id }));
    const reply = await pipeline.nats.request(DEAD_LETTER_RETRY_SUBJECT, request, { timeout: 1_000 });
    return retryAnswerSchema.parse(JSON.parse(Buffer.from(reply.data).toString('utf8')));
  };

  const killed = await startSinkChild('after insert', '1');
  // Nobody answers until it works; asked for again it is the same letter.
  await waitFor(
    async () => {
      await retry().catch(() => undefined);
      return killed.status();
    },
    { timeoutMs: 30_000, what: 'the sink to be killed' },
  );
  expect(await killed.exited, killed.output()).toBe('SIGKILL');
  expect(await list()).toHaveLength(1);

  const child = await startSinkChild();
  const answer = await waitFor(
    async () => {
      const { status, ...rest } = await retry();
      return status === 'failed' ? undefined : { status, ...rest };
    },
    { timeoutMs: 30_000, what: 'a sink that answers' },
  );
  expect(answer).toEqual({ status: 'booked', rows: 0 });
  expect(await list()).toEqual([]);
  expect(await child.stop()).toBe(0);
  const clickhouse = await ClickHouse.open({ home: pipeline.home, clickhouseUrl: undefined });
  const sql = "SELECT count() AS rows, sum(amount) AS amount FROM usage_facts WHERE customer = 'letter'";
  expect(await numbers(clickhouse, sql)).toEqual({ rows: 2, amount: 14 });
  await clickhouse.close();
});
