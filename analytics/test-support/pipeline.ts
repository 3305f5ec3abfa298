import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { connect, headers, type NatsConnection } from 'nats';
import { z } from 'zod';
import { ByteWriter } from '../../engine/contract/bytes.js';
import { EPOCH_HEADER, packEntry, SHARD_HEADER } from '../../engine/contract/fact.js';
import { factsSubject } from '../../engine/contract/subjects.js';
import { createLogger, type Logger } from '../../engine/platform/log.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { CATALOG_META_KEY, outboxKey, shardStateKey } from '../../engine/store/keys.js';
import { type Service, startNats, startRedis } from '../../loadtest/harness/services.js';
import type { ClickHouse } from '../clickhouse.js';
import { buildEntry, type TestEntry } from './entry-builder.js';

/** An entry with the outbox id that it is to have. */
export interface PlacedEntry {
  readonly ms: number;
  readonly seq: number;
  readonly bytes: Buffer;
}

/** Redis, NATS and a folder for the embedded ClickHouse, with a catalog of one shard. */
export class Pipeline {
  readonly home: string;
  readonly redisService: Service;
  readonly natsService: Service;
  readonly redis: Redis;
  readonly nats: NatsConnection;
  readonly log: Logger = createLogger('test', { logLevel: 'fatal', logFormat: 'json' });

  private constructor(home: string, redisService: Service, natsService: Service, redis: Redis, nats: NatsConnection) {
    this.home = home;
    this.redisService = redisService;
    this.natsService = natsService;
    this.redis = redis;
    this.nats = nats;
  }

  static async start(): Promise<Pipeline> {
    const home = await mkdtemp(join(tmpdir(), 'weir-pipeline-'));
    const [redisService, natsService] = await Promise.all([startRedis(), startNats()]);
    const redis = new Redis(redisService.url);
    redis.on('error', () => undefined);
    const nats = await connect({
      ...natsConnectionOptions(natsService.url),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    const pipeline = new Pipeline(home, redisService, natsService, redis, nats);
    await pipeline.setEpoch(1);
    return pipeline;
  }

  /** Writes what the control process writes at the first start. */
  async setEpoch(epoch: number): Promise<void> {
    const state = Buffer.alloc(16);
    state.writeDoubleLE(epoch, 0);
    state.writeDoubleLE(1, 8);
    await this.redis.set(shardStateKey('s00'), state);
    await this.redis.hset(CATALOG_META_KEY, { version: 1, shards: 1, epoch });
  }

  /** A connection for a blocking read. */
  connectBlocking(): Redis {
    const connection = new Redis(this.redisService.url);
    connection.on('error', () => undefined);
    return connection;
  }

  /** Appends an entry to the shard's outbox, as the commit script does. */
  async append(entry: TestEntry): Promise<void> {
    await this.redis.xadd(outboxKey('s00'), '*', 'b', buildEntry(entry));
  }

  /** Publishes entries as one message, past the relay: what a relay did that died, or one gone wild. */
  async publish(shard: string, entries: readonly PlacedEntry[], epoch = 1): Promise<void> {
    await this.publishBytes(shard, packMessage(entries), epoch);
  }

  async publishBytes(shard: string, bytes: Uint8Array, epoch = 1): Promise<void> {
    await publishFacts(this.nats, shard, bytes, epoch);
  }

  async stop(): Promise<void> {
    await this.nats.close();
    this.redis.disconnect();
    await Promise.all([this.redisService.stop(), this.natsService.stop()]);
    await rm(this.home, { recursive: true, force: true });
  }
}

/** Entries as one message of the stream of facts. */
export function packMessage(entries: readonly PlacedEntry[]): Buffer {
  const writer = new ByteWriter();
  for (const { ms, seq, bytes } of entries) packEntry(writer, { outboxMs: ms, outboxSeq: seq, entry: bytes });
  return writer.take();
}

/** Publishes a message of the stream of facts, past the relay. */
export async function publishFacts(nats: NatsConnection, shard: string, bytes: Uint8Array, epoch = 1): Promise<void> {
  const header = headers();
  header.set(SHARD_HEADER, shard);
  header.set(EPOCH_HEADER, String(epoch));
  await nats.jetstream().publish(factsSubject(shard), bytes, { headers: header });
}

const numbersSchema = z.record(z.string(), z.coerce.number());

/** The one row of a query, its columns as numbers. */
export async function numbers(clickhouse: ClickHouse, sql: string): Promise<Record<string, number>> {
  const [row] = await clickhouse.query(sql, {}, numbersSchema);
  return row ?? {};
}
