import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Service, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { parseCatalog } from '../catalog/document.js';
import { connectRedis, type RedisClient } from '../catalog/redis.js';
import { CatalogRegistry } from '../catalog/registry.js';
import { WeirError } from '../contract/errors.js';
import { decodeEntry, type Fact } from '../contract/fact.js';
import { createEngine, type EngineOptions, type WeirEngine } from '../create.js';
import type { CheckOutcome } from '../engine.js';

/** For integration tests: gateways with spools over a real Redis that can be killed, stopped and started again. */
export interface OutageBench {
  readonly service: Service;
  readonly redis: RedisClient;
  readonly registry: CatalogRegistry;
  /** Where the spools lie. */
  readonly folder: string;
  open(options?: Partial<EngineOptions>): Promise<WeirEngine>;
  /** All facts in the outbox. */
  facts(): Promise<Fact[]>;
  /** Spools on the disk. */
  spools(): Promise<string[]>;
  /** Waits until an engine finds Redis away: by a customer of its own, so that no balance that is looked at moves. */
  away(engine: WeirEngine): Promise<void>;
  /** Waits until an engine asks Redis again, and all spools are charged. */
  settled(...engines: WeirEngine[]): Promise<void>;
}

export const AUTHOR = { owner: 'test', actor: 'test' };

export function useOutageBench(catalog: object): () => OutageBench {
  let service: Service;
  let redis: RedisClient;
  let folder: string;
  let registry: CatalogRegistry;
  const engines: WeirEngine[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(engines.splice(0).map((engine) => engine.close()));
  };
  beforeAll(async () => {
    service = await startRedis({ appendonly: true });
    redis = connectRedis(service.url);
    redis.on('error', () => undefined);
  });
  beforeEach(async () => {
    await service.kill('SIGCONT');
    await close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    folder = await mkdtemp(join(tmpdir(), 'weir-outage-'));
    await waitFor(async () => (await redis.ping()) === 'PONG', { timeoutMs: 10_000, what: 'Redis' });
    await redis.flushall();
    registry = new CatalogRegistry(redis);
    await registry.initialise({ shards: 1 });
    const applied = await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR);
    if (applied.status !== 'applied') throw new Error(`the catalog was not applied: ${JSON.stringify(applied)}`);
  });
  afterAll(async () => {
    await close();
    redis.disconnect();
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const spools = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.endsWith('.spool'));
  const bench: OutageBench = {
    get service() {
      return service;
    },
    get redis() {
      return redis;
    },
    get registry() {
      return registry;
    },
    get folder() {
      return folder;
    },
    async open(options = {}) {
      const outage = { folder, bytesMax: 1024 * 1024, staleMs: 5_000 };
      const engine = await createEngine({ redis: service.url, storeFateMs: 500, outage, ...options });
      engines.push(engine);
      return engine;
    },
    async facts() {
      const entries = await redis.xrangeBuffer('{s00}:outbox', '-', '+');
      return entries.flatMap(([, fields]) => decodeEntry(fields[1] ?? Buffer.alloc(0)).facts);
    },
    spools,
    async away(engine) {
      await waitFor(
        async () => {
          const asked = engine.check({ customer: 'canary', feature: 'sso', amount: 1, dryRun: false });
          await asked.catch((error: unknown) => {
            if (!(error instanceof WeirError)) throw error;
          });
          return engine.breakers.open > 0;
        },
        { timeoutMs: 10_000, what: 'the breaker to open' },
      );
    },
    async settled(...all) {
      const isSettled = ({ breakers, outage }: WeirEngine): boolean =>
        breakers.open === 0 && outage?.spool.isEmpty !== false;
      await waitFor(async () => all.every(isSettled) && (await spools()).length === 0, {
        timeoutMs: 30_000,
        what: 'the spools to be charged',
      });
    },
  };
  return () => bench;
}

/** A decision as a few words: `ok`, `unavailable` …, or the code of an error. */
export function wordOf(outcome: CheckOutcome): string {
  return outcome.status === 'failed' ? outcome.code : outcome.decision.reason;
}
