import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OpenCatalog, openCatalog } from '../../analytics/control/open-catalog.js';
import { connectRedis, type RedisClient } from '../../engine/catalog/redis.js';
import { CLUSTER_SHARDS } from '../../engine/contract/constants.js';
import { CATALOG_SHARD, decodeEntry, SHARD_HEADER, unpackEntries } from '../../engine/contract/fact.js';
import { FACTS_STREAM } from '../../engine/contract/subjects.js';
import { createEngine } from '../../engine/create.js';
import { createLogger } from '../../engine/platform/log.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { outboxKey, shardName, shardStateKey } from '../../engine/store/keys.js';
import { type RedisCluster, startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { type Service, startNats, waitFor } from '../../loadtest/harness/services.js';
import { startRelay } from './start.js';
import { startSweep } from './sweep.js';

const log = createLogger('test', { logLevel: 'fatal', logFormat: 'json' });
const customers = Array.from({ length: 64 }, (_, index) => `c${index}`);
const catalog = {
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [{ id: 'plan', features: { chat: { limits: [] } } }],
  customers: customers.map((id) => ({ id, plan: 'plan' })),
};
const shards = Array.from({ length: CLUSTER_SHARDS }, (_, index) => shardName(index));

let cluster: RedisCluster;
let natsService: Service;
let nats: NatsConnection;
let redis: RedisClient;
let file: string;
let control: OpenCatalog;

beforeAll(async () => {
  [cluster, natsService] = await Promise.all([startRedisCluster(), startNats()]);
  nats = await connect(natsConnectionOptions(natsService.url));
  redis = connectRedis(cluster.url);
  file = join(natsService.folder, 'catalog.yaml');
  await writeFile(file, JSON.stringify(catalog));
  control = await openCatalog({ redisUrl: cluster.url, catalog: file }, log);
});

afterAll(async () => {
  await control.close();
  redis.disconnect();
  await nats.close();
  await Promise.all([cluster.stop(), natsService.stop()]);
});

test('a catalog that is made on a cluster has sixteen shards, and keeps them', async () => {
  expect(await control.registry.initialise({ shards: 1 })).toMatchObject({
    created: false,
    shards: CLUSTER_SHARDS,
    uninitialised: [],
  });
  expect(await redis.exists(shardStateKey(shardName(CLUSTER_SHARDS - 1)))).toBe(1);
});

test('the facts of all shards reach the stream once, over a replica that takes over, and leave the outboxes', async () => {
  const engine = await createEngine({ redis: cluster.url, storeTimeoutMs: 20_000, storeFateMs: 20_000 });
  const registry = new Registry();
  const connectBlocking = (): RedisClient => {
    const connection = connectRedis(cluster.url);
    connection.on('error', () => undefined);
    return connection;
  };
  const relay = startRelay({ nats, redis, connectBlocking, registry, log });
  const sweep = startSweep({ redisUrl: cluster.url, idMemoryMb: 512, registry, log });
  const round = async (number: number): Promise<void> => {
    const events = customers.map((customer) => ({
      id: `${number}`,
      source: 'test',
      type: 'llm',
      customer,
      data: { tokens: 1 },
    }));
    const outcomes = await engine.record(events);
    expect(outcomes.every(({ status }) => status === 'accepted')).toBe(true);
  };
  try {
    for (let number = 0; number < 20; number++) await round(number);
    const taken = cluster.failover(await cluster.masterOf(shardStateKey('s00')));
    for (let number = 20; number < 40; number++) await round(number);
    await taken;
    for (let number = 40; number < 60; number++) await round(number);
    await waitFor(async () => (await entriesLeft()) === 0, { timeoutMs: 30_000, what: 'the outboxes to be empty' });
    const manager = await nats.jetstreamManager();
    expect(await factsOfStream(manager)).toEqual(new Map(customers.map((customer) => [customer, 60])));
  } finally {
    await Promise.all([relay.stop(), sweep.stop(), engine.close()]);
  }
});

async function entriesLeft(): Promise<number> {
  const lengths = await Promise.all(shards.map((shard) => redis.xlen(outboxKey(shard))));
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** Amounts by customer. */
async function factsOfStream(manager: JetStreamManager): Promise<Map<string, number>> {
  const { state } = await manager.streams.info(FACTS_STREAM);
  const sums = new Map<string, number>();
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(FACTS_STREAM, { seq });
    if (message.header.get(SHARD_HEADER) === CATALOG_SHARD) continue;
    for (const { entry } of unpackEntries(Buffer.from(message.data))) {
      for (const { customer, amount } of decodeEntry(entry).facts)
        sums.set(customer, (sums.get(customer) ?? 0) + amount);
    }
  }
  return sums;
}
