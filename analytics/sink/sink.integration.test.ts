import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { connect, type NatsConnection } from 'nats';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../engine/platform/log.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { CATALOG_META_KEY, outboxKey, shardStateKey } from '../../engine/store/keys.js';
import { startRelay } from '../../ingest/relay/start.js';
import { type Service, startNats, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { ClickHouse } from '../clickhouse.js';
import { buildEntry, type TestEntry } from '../test-support/entry-builder.js';
import { startSink } from './start.js';

const log = createLogger('test', { logLevel: 'warn', logFormat: 'json' });
let redisService: Service;
let natsService: Service;
let redis: Redis;
let nats: NatsConnection;
let clickhouse: ClickHouse;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'weir-sink-'));
  [redisService, natsService] = await Promise.all([startRedis(), startNats()]);
  redis = new Redis(redisService.url);
  nats = await connect(natsConnectionOptions(natsService.url));
  clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined });
  const state = Buffer.alloc(16);
  state.writeDoubleLE(1, 0);
  state.writeDoubleLE(1, 8);
  await redis.set(shardStateKey('s00'), state);
  await redis.hset(CATALOG_META_KEY, { version: 1, shards: 1, epoch: 1 });
});

afterAll(async () => {
  await clickhouse.close();
  await nats.close();
  redis.disconnect();
  await Promise.all([redisService.stop(), natsService.stop()]);
  await rm(home, { recursive: true, force: true });
});

const append = (entry: TestEntry) => redis.xadd(outboxKey('s00'), '*', 'b', buildEntry(entry));
const count = async (sql: string) => {
  const [row] = await clickhouse.query(sql, {}, z.object({ value: z.coerce.number() }));
  return row?.value ?? 0;
};

it('every fact of the outbox is in ClickHouse once, and leaves the outbox', async () => {
  const relay = startRelay({
    nats,
    redis,
    connectBlocking: () => new Redis(redisService.url),
    registry: new Registry(),
    log,
  });
  const sink = startSink({ nats, clickhouse, registry: new Registry(), log });
  const chargedAtMs = Date.now();
  let sum = 0;
  for (let index = 0; index < 200; index++) {
    const amount = index + 1;
    sum += amount;
    await append({
      chargedAtMs,
      facts: [
        { customer: `customer-${index % 7}`, feature: 'chat', meter: 'tokens', amount, dimensions: { model: 'm' } },
      ],
    });
  }
  await waitFor(async () => (await count('SELECT count() AS value FROM usage_facts')) === 200, {
    timeoutMs: 20_000,
    what: '200 rows',
  });
  expect(await count('SELECT sum(amount) AS value FROM usage_facts')).toBe(sum);
  expect(await redis.xlen(outboxKey('s00'))).toBe(0);
  await relay.stop();
  await sink.stop();
});
