import { connect, type NatsConnection } from 'nats';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeEntry, unpackEntries } from '../../engine/contract/fact.js';
import { FACTS_STREAM, factsSubject } from '../../engine/contract/subjects.js';
import {
  CatalogRegistry,
  connectRedis,
  createEngine,
  parseCatalog,
  type RedisClient,
  type WeirEngine,
  WeirError,
} from '../../engine/index.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { type Service, startNats, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { type RunningRelay, startRelay } from './start.js';

/** The outbox has a bound: with nobody who empties it usage is refused, and nothing that was answered is lost. */

const BOUND = 400_000;
const CATALOG = `
meters:
  - { id: tokens, eventType: llm, aggregation: sum, value: $.tokens }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: closed, kind: metered, meter: tokens }
plans:
  - id: plan
    features:
      chat: { limits: [{ id: life, kind: quota, amount: 100000000, window: { every: lifetime } }] }
      closed: { limits: [{ id: life, kind: quota, amount: 0, window: { every: lifetime } }] }
customers:
  - { id: acme, plan: plan }
`;

let redisService: Service;
let natsService: Service;
let redis: RedisClient;
let nats: NatsConnection;
let engine: WeirEngine;
let relay: RunningRelay | undefined;

beforeAll(async () => {
  [redisService, natsService] = await Promise.all([startRedis(), startNats()]);
  redis = connectRedis(redisService.url);
  const registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: 1 });
  await registry.apply(parseCatalog(CATALOG), { owner: 'file', actor: 'test' });
  engine = await createEngine({ redis: redisService.url, storeTimeoutMs: 5_000, outboxBytesMax: BOUND });
  nats = await connect({ ...natsConnectionOptions(natsService.url), maxReconnectAttempts: -1, reconnectTimeWait: 50 });
});

afterAll(async () => {
  await relay?.stop();
  await engine.close();
  await nats.close();
  redis.disconnect();
  await Promise.all([redisService.stop(), natsService.stop()]);
});

const told = { allowed: 0, denied: 0 };
async function ask(feature = 'chat', dryRun = false): Promise<string> {
  try {
    const outcome = await engine.check({ customer: 'acme', feature, amount: 1, dryRun });
    if (outcome.status === 'failed') return outcome.code;
    if (outcome.decision.allowed && !dryRun) told.allowed++;
    else if (!dryRun) told.denied++;
    return outcome.decision.reason;
  } catch (error) {
    if (error instanceof WeirError) return error.code;
    throw error;
  }
}

/** Asks until a condition holds; the watch looks four times a second, so the pace leaves it time to see. */
function askUntil(holds: (words: readonly string[]) => boolean, what: string): Promise<unknown> {
  const round = async (): Promise<boolean> => {
    const words: string[] = [];
    for (let call = 0; call < 3; call++) words.push(...(await Promise.all(Array.from({ length: 20 }, () => ask()))));
    return holds(words);
  };
  return waitFor(round, { timeoutMs: 60_000, what });
}

const fill = (): Promise<unknown> => askUntil((words) => words.includes('outbox_full'), 'the outbox to be full');

const bytes = async (): Promise<number> => Number(await redis.memory('USAGE', '{s00}:outbox', 'SAMPLES', 0));
const isAccepted = (): Promise<unknown> =>
  waitFor(async () => (await ask()) === 'ok', { timeoutMs: 30_000, what: 'usage to be accepted again' });

function startRelaying(): void {
  relay = startRelay({
    nats,
    redis,
    connectBlocking: () => {
      const connection = connectRedis(redisService.url);
      connection.on('error', () => undefined);
      return connection;
    },
    registry: new Registry(),
    log: { info: () => undefined, warn: () => undefined, error: (...args: unknown[]) => console.error(...args) },
  });
}

/** Facts and denials that JetStream has of the shard. */
async function published(): Promise<{ facts: number; denials: number }> {
  const manager = await nats.jetstreamManager();
  const { state } = await manager.streams.info(FACTS_STREAM);
  const sums = { facts: 0, denials: 0 };
  for (let seq = state.first_seq; seq <= state.last_seq && seq > 0; seq++) {
    const message = await manager.streams.getMessage(FACTS_STREAM, { seq });
    if (message.subject !== factsSubject('s00')) continue;
    for (const { entry } of unpackEntries(Buffer.from(message.data))) {
      const { facts, denials } = decodeEntry(entry);
      sums.facts += facts.length;
      for (const { count } of denials) sums.denials += count;
    }
  }
  return sums;
}

test('with no relay usage is refused at the bound, denials go first, and a relay that comes empties it for more', async () => {
  expect(await ask('closed')).toBe('limit_exceeded');
  await fill();
  const full = await bytes();
  expect(full).toBeGreaterThan(BOUND * 0.9);
  expect(full).toBeLessThan(BOUND * 1.5);
  expect(await ask('closed')).toBe('outbox_full');
  const event = { id: 'e', source: 's', type: 'llm', customer: 'acme', data: { tokens: 1 } };
  await expect(engine.record([event])).rejects.toMatchObject({ code: 'outbox_full' });
  const reservation = { id: 'r', customer: 'acme', feature: 'chat', amount: 1, ttlMs: 60_000 };
  await expect(engine.reserve(reservation)).rejects.toMatchObject({ code: 'outbox_full' });
  // What writes no fact goes on.
  expect(await ask('chat', true)).toBe('ok');
  const before = told.allowed;
  expect(await Promise.all(Array.from({ length: 500 }, () => ask()))).toEqual(
    Array.from({ length: 500 }, () => 'outbox_full'),
  );
  expect(told.allowed).toBe(before);

  startRelaying();
  await isAccepted();
  await waitFor(async () => (await published()).facts === told.allowed, { timeoutMs: 30_000, what: 'every fact' });
  expect(await published()).toEqual({ facts: told.allowed, denials: 1 });
});

test('the same when NATS stops answering and comes back; near the bound denials leave no line, and are counted', async () => {
  await natsService.kill('SIGSTOP');
  const lines = told.denied - engine.counters.denialsDropped;
  await askUntil(() => engine.outboxBytes > BOUND * 0.85, 'the outbox to be nearly full');
  const dropped = engine.counters.denialsDropped;
  expect(await ask('closed')).toBe('limit_exceeded');
  expect(engine.counters.denialsDropped).toBe(dropped + 1);
  await fill();
  await natsService.kill('SIGCONT');
  await isAccepted();
  await waitFor(async () => (await published()).facts === told.allowed, { timeoutMs: 30_000, what: 'every fact' });
  expect((await published()).denials).toBe(lines);
  expect(engine.counters.refusedOutbox).toBeGreaterThan(500);
});
