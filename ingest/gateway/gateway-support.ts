import { Registry } from 'prom-client';
import { afterAll, beforeAll } from 'vitest';
import { ADMIN_KEY, TEST_KEYS } from '../http/edge-support.js';
import { FakeEngine } from './fake-engine.js';
import { type Gateway, startGateway } from './start.js';

/** Test support: a gateway on a free port over the engine in memory. */
export interface GatewayBench {
  readonly gateway: Gateway;
  readonly engine: FakeEngine;
  readonly faults: unknown[];
  readonly port: number;
  /** A request with the key that has all scopes but admin. */
  call(path: string, init?: CallInit): Promise<Response>;
}

export interface CallInit {
  readonly method?: string;
  /** An object is sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
}

export function useGateway(): () => GatewayBench {
  let bench: GatewayBench;
  beforeAll(async () => {
    const engine = new FakeEngine();
    const faults: unknown[] = [];
    const gateway = await startGateway({
      engine,
      keys: { version: 1, authenticate: (rawKey) => TEST_KEYS.get(rawKey) },
      host: '127.0.0.1',
      port: 0,
      adminKey: ADMIN_KEY,
      registry: new Registry(),
      log: { error: (...args: unknown[]) => faults.push(args) },
      bodyStallMs: 1_000,
    });
    const call = (path: string, { method, body, headers, key = 'key-all' }: CallInit = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${gateway.port}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { ...(key === '' ? {} : { authorization: `Bearer ${key}` }), ...headers },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }),
      });
    bench = { gateway, engine, faults, port: gateway.port, call };
  });
  afterAll(() => bench.gateway.close());
  return () => bench;
}

/** The `error` of an error answer, with its status. */
export async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = await response.json();
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return { status: response.status, ...(typeof error === 'object' ? error : {}) };
}
