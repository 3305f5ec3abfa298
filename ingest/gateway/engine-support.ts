import { Registry } from 'prom-client';
import { afterAll, beforeAll } from 'vitest';
import {
  CatalogRegistry,
  connectRedis,
  createEngine,
  KeyService,
  parseCatalog,
  type RedisTarget,
  type WeirEngine,
} from '../../engine/index.js';
import { type Service, startRedis } from '../../loadtest/harness/services.js';
import { ADMIN_KEY } from '../http/edge-support.js';
import { type Gateway, startGateway } from './start.js';

/** Test support: gateways over the real engine and a real Redis, each with an engine and a view of its own. */
export interface RealGateway {
  readonly engine: WeirEngine;
  readonly gateway: Gateway;
  readonly url: string;
}

export interface RealBench {
  readonly redis: Service;
  readonly registry: CatalogRegistry;
  readonly keys: KeyService;
  readonly gateways: readonly RealGateway[];
  /** POST of a body, or GET without one. `at` picks the gateway; a body that is text goes out as it is. */
  call(path: string, body?: unknown, how?: CallHow): Promise<Response>;
  /** As `call`, and its JSON. */
  read(path: string, body?: unknown, how?: CallHow): Promise<Record<string, unknown>>;
  /** One more gateway, closed with the others. */
  add(target?: RedisTarget): Promise<RealGateway>;
}

export interface CallHow {
  readonly key?: string;
  readonly at?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function useRealGateways(catalog: string, count = 2): () => RealBench {
  let bench: RealBench;
  const closers: (() => unknown)[] = [];
  beforeAll(async () => {
    const redis = await startRedis({ appendonly: true });
    const client = connectRedis(redis.url);
    closers.push(
      () => client.disconnect(),
      () => redis.stop(),
    );
    const registry = new CatalogRegistry(client);
    await registry.initialise({ shards: 1 });
    const applied = await registry.apply(parseCatalog(catalog), { owner: 'file', actor: 'file:test.yaml' });
    if (applied.status !== 'applied') throw new Error(`the catalog was not applied: ${applied.status}`);
    const gateways: RealGateway[] = [];
    const add = async (target: RedisTarget = redis.url): Promise<RealGateway> => {
      const engine = await createEngine({ redis: target, storeTimeoutMs: 2_000 });
      const gateway = await startGateway({
        engine,
        keys: engine.view,
        host: '127.0.0.1',
        port: 0,
        adminKey: ADMIN_KEY,
        registry: new Registry(),
        log: { error: (...args: unknown[]) => console.error(...args) },
      });
      closers.unshift(
        () => gateway.close(),
        () => engine.close(),
      );
      const added = { engine, gateway, url: `http://127.0.0.1:${gateway.port}` };
      gateways.push(added);
      return added;
    };
    for (let index = 0; index < count; index++) await add();
    const call: RealBench['call'] = (path, body, { key = ADMIN_KEY, at = 0, method, headers } = {}) =>
      fetch(`${gateways[at]?.url}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
    const read: RealBench['read'] = async (path, body, how) =>
      (await (await call(path, body, how)).json()) as Record<string, unknown>;
    bench = { redis, registry, keys: new KeyService(registry), gateways, call, read, add };
  });
  afterAll(async () => {
    for (const close of closers) await close();
  });
  return () => bench;
}
