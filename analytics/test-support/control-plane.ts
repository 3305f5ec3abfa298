import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createLogger } from '../../engine/platform/log.js';
import { startRedis } from '../../loadtest/harness/services.js';
import { ClickHouse } from '../clickhouse.js';
import { type OpenCatalog, openCatalog } from '../control/open-catalog.js';
import { startControl } from '../control/start.js';
import { migrate } from '../migrate.js';

export const ADMIN_KEY = 'an-admin-key-for-tests-of-32-characters';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** The control plane by its wire, with a Redis and a ClickHouse of its own. */
export interface ControlPlane {
  readonly url: string;
  readonly clickhouse: ClickHouse;
  /** Its own engine and Redis, for usage that comes past the gateway. */
  readonly engine: OpenCatalog['engine'];
  readonly redis: OpenCatalog['redis'];
  /** One request with a JSON body; by the operator's key unless another is given. */
  call(method: string, path: string, body?: unknown, key?: string): Promise<Answer>;
  stop(): Promise<void>;
}

/**
 * @param catalog the entitlement file.
 * @param options ledgerWaitMs: how long a void waits for the ledger.
 */
export async function startControlPlane(
  catalog: string,
  options: { readonly ledgerWaitMs?: number } = {},
): Promise<ControlPlane> {
  const log = createLogger('test', { logLevel: 'fatal', logFormat: 'json' });
  const home = await mkdtemp(join(tmpdir(), 'weir-control-'));
  const file = join(home, 'catalog.yaml');
  await writeFile(file, catalog);
  const redis = await startRedis();
  const clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined });
  await migrate(clickhouse);
  const open = await openCatalog({ redisUrl: redis.url, catalog: file }, log);
  const config = {
    host: '127.0.0.1',
    consolePort: 0,
    adminKey: ADMIN_KEY,
    reconcileSeconds: 0,
    closeDays: 0,
    forecastSeconds: 0,
    signals: undefined,
  };
  const control = await startControl({ ...options, config, catalog: open, clickhouse, registry: new Registry(), log });
  const url = `http://127.0.0.1:${control.port}`;
  return {
    url,
    clickhouse,
    engine: open.engine,
    redis: open.redis,
    async call(method, path, body, key = ADMIN_KEY) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: JSON.parse(text) };
    },
    async stop() {
      await control.stop();
      await open.close();
      await clickhouse.close();
      await redis.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
