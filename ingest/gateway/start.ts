import type { Registry } from 'prom-client';
import type { Engine } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import { startHttpServer } from '../http/index.js';
import { DecodePool } from './decode-pool.js';
import { type KeySource, rememberKeys } from './key-cache.js';
import { GatewayMetrics } from './metrics.js';
import { gatewayRoutes } from './routes.js';

export interface GatewayOptions {
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly host: string;
  /** 0 takes a free port; several gateways share one. */
  readonly port: number;
  readonly adminKey?: string | undefined;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'error'>;
  /** A body must make progress within this time; tests shorten it. */
  readonly bodyStallMs?: number;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

export interface Gateway {
  readonly port: number;
  /** Answers what was accepted, then closes. The engine is the caller's to close, afterwards. */
  close(): Promise<void>;
}

/** Starts the data plane. @throws Error when the port cannot be listened on. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { engine, keys, host, port, adminKey, registry, log, bodyStallMs, tracing } = options;
  const pool = new DecodePool();
  const metrics = new GatewayMetrics(registry);
  const server = await startHttpServer({
    host,
    port,
    name: 'data plane',
    routes: gatewayRoutes({ engine, keys, pool, metrics }),
    authenticate: rememberKeys(keys),
    adminKey,
    tracing,
    metrics: registry,
    ready: () => engine.ready(),
    onFault: (error, where, requestId) => log.error({ error, where, requestId }, 'a request failed on our side'),
    ...(bodyStallMs === undefined ? {} : { bodyStallMs }),
  });
  return {
    port: server.port,
    close: async () => {
      await server.close();
      await pool.close();
    },
  };
}
