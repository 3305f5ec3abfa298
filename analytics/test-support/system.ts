import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { Registry } from 'prom-client';
import { connectRedis, type RedisClient, type WeirEngine } from '../../engine/index.js';
import { createLogger } from '../../engine/platform/log.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { startRelay } from '../../ingest/relay/start.js';
import { type Service, startNats, startRedis } from '../../loadtest/harness/services.js';
import type { AlertOptions } from '../alerts/start.js';
import { ClickHouse } from '../clickhouse.js';
import { openCatalog } from '../control/open-catalog.js';
import { startControl } from '../control/start.js';
import { startSink } from '../sink/start.js';
import { ADMIN_KEY, type Answer } from './control-plane.js';

/** All that a fact goes through, in this process: engine, relay, sink, control plane, with services of its own. */
export interface System {
  readonly engine: WeirEngine;
  readonly redis: RedisClient;
  readonly redisUrl: string;
  readonly nats: NatsConnection;
  readonly clickhouse: ClickHouse;
  /** One request to the control plane with a JSON body, by the operator's key. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Text of `/metrics`. */
  metrics(): Promise<string>;
  /** Writes another entitlement file, as an operator does. */
  apply(catalog: object): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param redisOf starts its Redis: a single server, or a cluster.
 * @param alerts how alerts go out.
 * @param tracing of relay and sink; left out, nothing is traced.
 */
export async function startSystem(
  catalog: object,
  redisOf: () => Promise<Pick<Service, 'url' | 'stop'>> = startRedis,
  alerts?: AlertOptions,
  tracing?: Tracing,
): Promise<System> {
  const log = createLogger('test', { logLevel: 'fatal', logFormat: 'json' });
  const home = await mkdtemp(join(tmpdir(), 'weir-system-'));
  const file = join(home, 'catalog.yaml');
  await writeFile(file, JSON.stringify(catalog));
  const [redisService, natsService] = await Promise.all([redisOf(), startNats()]);
  const nats = await connect(natsConnectionOptions(natsService.url));
  const open = await openCatalog({ redisUrl: redisService.url, catalog: file }, log);
  const redis = connectRedis(redisService.url);
  redis.on('error', () => undefined);
  const registry = new Registry();
  const relay = startRelay({
    nats,
    redis: open.redis,
    connectBlocking: () => {
      const blocking = connectRedis(redisService.url);
      blocking.on('error', () => undefined);
      return blocking;
    },
    registry: new Registry(),
    log,
    tracing,
  });
  const [ledger, reports] = [
    await ClickHouse.open({ home, clickhouseUrl: undefined }),
    await ClickHouse.open({ home, clickhouseUrl: undefined }, 2),
  ];
  const sink = startSink({ nats, clickhouse: ledger, registry, log, tracing });
  const config = {
    host: '127.0.0.1',
    consolePort: 0,
    adminKey: ADMIN_KEY,
    reconcileSeconds: 0,
    closeDays: 0,
    forecastSeconds: 0,
    signals: undefined,
  };
  const control = await startControl({
    config,
    catalog: open,
    clickhouse: reports,
    nats: Promise.resolve(nats),
    registry,
    log,
    alerts,
  });
  const url = `http://127.0.0.1:${control.port}`;
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const call: System['call'] = async (method, path, body) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, { method, headers, ...init });
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
  };
  return {
    engine: open.engine,
    redis,
    redisUrl: redisService.url,
    nats,
    clickhouse: reports,
    call,
    async metrics() {
      return await (await fetch(`${url}/metrics`)).text();
    },
    async apply(wanted) {
      const { status, body } = await call('POST', '/v1/catalog/apply?owner=file', wanted);
      if (status !== 200) throw new Error(JSON.stringify(body));
    },
    async stop() {
      await control.stop();
      await relay.stop();
      await sink.stop();
      await open.close();
      await nats.close();
      redis.disconnect();
      await reports.close();
      await ledger.close();
      await Promise.all([redisService.stop(), natsService.stop()]);
      await rm(home, { recursive: true, force: true });
    },
  };
}
