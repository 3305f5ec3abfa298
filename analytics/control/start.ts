import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { CatalogRegistry, connectRedis, FileSource, KeyService, openCatalogView } from '../../engine/index.js';
import { assetPath } from '../../engine/platform/assets.js';
import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';
import { type HttpServer, startHttpServer } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { catalogApplyRoute } from './catalog-apply-route.js';
import { catalogRoutes, keyRoutes } from './catalog-routes.js';
import { consoleRoutes } from './console-routes.js';
import { reportRoutes } from './report-routes.js';

const RETRY_MS = 500;
/** Shards of a new catalog on a single Redis; a catalog that exists keeps its own number. */
const SHARDS = 1;
/** How often shards that a dead writer left behind are brought to the version in force. */
const FENCE_MS = 2_000;
/** Where the build puts the console's pages. */
const PAGES = 'dist/analytics/console/web';

export interface ControlDependencies {
  readonly config: Pick<Config, 'redisUrl' | 'host' | 'consolePort' | 'adminKey' | 'catalog'>;
  readonly clickhouse: ClickHouse;
  readonly registry: Registry;
  readonly log: Logger;
  /** What keeps a part in the same process from working, '' when it works. */
  readonly problem?: () => string;
}

export interface RunningControl {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Runs the control plane: makes the catalog on an empty Redis, follows the entitlement file, and serves the catalog,
 * the keys, the reports and the console. Waits for Redis.
 */
export async function startControl(dependencies: ControlDependencies): Promise<RunningControl> {
  const { config, clickhouse, log } = dependencies;
  if (config.redisUrl === undefined) throw new Error('the control plane needs REDIS_URL');
  const redis = connectRedis(config.redisUrl, { connectionName: 'weir-control' });
  redis.on('error', () => undefined);
  const catalog = new CatalogRegistry(redis);
  const { view, source } = await untilThere(log, async () => {
    const made = await catalog.initialise({ shards: SHARDS });
    if (made.uninitialised.length > 0) log.error({ shards: made.uninitialised }, 'shards have lost their state');
    const path = config.catalog ?? assetPath('engine/catalog/sample.yaml');
    const file = new FileSource({ path, registry: catalog, log });
    await file.start();
    return { source: file, view: await openCatalogView({ redis: config.redisUrl ?? '', log }) };
  });
  const fencing = setInterval(() => void catalog.ensureFenced().catch(() => undefined), FENCE_MS);

  const server: HttpServer = await startHttpServer({
    host: config.host,
    port: config.consolePort,
    name: 'control plane',
    routes: [
      ...reportRoutes({ clickhouse, catalog: view }),
      ...catalogRoutes(catalog),
      catalogApplyRoute(catalog),
      ...keyRoutes(new KeyService(catalog)),
      ...(await consoleRoutes(assetPath(PAGES))),
    ],
    authenticate: (key) => view.authenticate(key),
    adminKey: config.adminKey,
    metrics: dependencies.registry,
    ready: async () => {
      const problems = await problemsOf(dependencies, () => redis.ping());
      return { ready: problems.length === 0, problems };
    },
    onFault: (error, where) => log.error({ error, where }, 'a request failed'),
  });
  return {
    port: server.port,
    async stop() {
      clearInterval(fencing);
      await server.close();
      await source.stop();
      await view.close();
      redis.disconnect();
    },
  };
}

async function untilThere<T>(log: Logger, open: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await open();
    } catch (error) {
      if (attempt % 20 === 0) log.warn({ error }, 'waiting for Redis to take the catalog');
      await delay(RETRY_MS);
    }
  }
}

async function problemsOf(dependencies: ControlDependencies, pingRedis: () => Promise<unknown>): Promise<string[]> {
  const problems: string[] = [];
  await pingRedis().catch(() => problems.push('Redis cannot be reached'));
  await dependencies.clickhouse.ping().catch(() => problems.push('ClickHouse cannot be reached'));
  const problem = dependencies.problem?.() ?? '';
  if (problem !== '') problems.push(problem);
  return problems;
}
