import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Service, startRedis } from '../../loadtest/harness/services.js';
import { shardStateKey } from '../store/keys.js';
import { type CatalogViewOptions, openCatalogView, type RedisCatalogView } from './cache.js';
import { type ParsedCatalog, parseCatalog } from './document.js';
import { connectRedis, type RedisClient } from './redis.js';
import { type Author, CatalogRegistry } from './registry.js';

/** For integration tests: a Redis of the test file, emptied before each test. */
export interface CatalogBench {
  readonly service: Service;
  readonly redis: RedisClient;
  readonly registry: CatalogRegistry;
  /** A registry on a connection of its own, as another process has it. */
  anotherRegistry(): CatalogRegistry;
  openView(options?: Partial<CatalogViewOptions>): Promise<RedisCatalogView>;
  /** Epoch and version of a shard's fence. */
  fenceOf(shard: string): Promise<{ readonly epochMs: number; readonly version: number } | undefined>;
}

export function useCatalogBench(): () => CatalogBench {
  let bench: CatalogBench;
  let service: Service;
  const closers: (() => unknown)[] = [];
  const connect = (): RedisClient => {
    const redis = connectRedis(service.url);
    redis.on('error', () => undefined);
    closers.push(() => redis.disconnect());
    return redis;
  };
  beforeAll(async () => {
    service = await startRedis({ appendonly: true });
  });
  beforeEach(async () => {
    for (const close of closers.splice(0)) await close();
    const redis = connect();
    await redis.flushall();
    bench = {
      service,
      redis,
      registry: new CatalogRegistry(redis),
      anotherRegistry: () => new CatalogRegistry(connect()),
      async openView(options = {}) {
        const view = await openCatalogView({ redis: service.url, ...options });
        closers.push(() => view.close());
        return view;
      },
      async fenceOf(shard) {
        const state = await redis.getBuffer(shardStateKey(shard));
        return state === null ? undefined : { epochMs: state.readDoubleLE(0), version: state.readDoubleLE(8) };
      },
    };
  });
  afterAll(async () => {
    for (const close of closers.splice(0)) await close();
    await service.stop();
  });
  return () => bench;
}

export const FILE: Author = { owner: 'file', actor: 'file:test.yaml' };
export const API: Author = { owner: 'api', actor: 'key_test' };

/** Definitions with one plan of one quota, and these customers on it. */
export function catalogYaml(amount: number, customers: readonly string[]): string {
  return `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.totalTokens }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: sso, kind: boolean }
plans:
  - id: pro
    features:
      chat: { limits: [{ id: monthly, kind: quota, amount: ${amount}, window: { every: month } }] }
      sso: true
customers:
${customers.map((id) => `  - { id: ${id}, plan: pro }`).join('\n')}
`;
}

export const catalogOf = (amount: number, customers: readonly string[] = ['acme']): ParsedCatalog =>
  parseCatalog(catalogYaml(amount, customers));

export const manyCustomers = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `customer-${index}`);
