import { showNumber } from '../../engine/platform/metrics.js';
import { withAdminKey } from '../../ingest/http/auth.js';
import { startHttpServer } from '../../ingest/http/index.js';
import { createConsole } from '../console/index.js';
import { startClosing } from '../finance/start.js';
import { startForecasts } from '../forecast/start.js';
import { listCustomersOf } from '../reconcile/gone.js';
import { loadRules } from '../signals/rules-file.js';
import { CatchUp } from '../sink/catch-up.js';
import { showCatalog } from './catalog-metrics.js';
import type { ControlDependencies } from './dependencies.js';
import { Pipeline } from './pipeline.js';
import { showReachability } from './reachability.js';
import { controlRoutes } from './routes.js';

export interface RunningControl {
  readonly port: number;
  stop(): Promise<void>;
}

/** Serves the control plane: the catalog, the keys, the reports and the console. */
export async function startControl(dependencies: ControlDependencies): Promise<RunningControl> {
  const { config, catalog, clickhouse, registry, log } = dependencies;
  const { engine } = catalog;
  const { view } = engine;
  showCatalog(catalog, registry);
  showNumber(registry, 'weir_catalog_version', 'Version of the catalog that decides here.', () => view.version);
  const pipeline = new Pipeline(dependencies);
  showReachability(dependencies, () => pipeline.nats);
  const forecasts = startForecasts({
    clickhouse,
    catalog: view,
    rules: loadRules(config.signals),
    listCustomers: listCustomersOf(catalog.registry),
    registry,
    log,
    everySeconds: config.forecastSeconds,
  });
  const catchUp = new CatchUp({ nats: () => pipeline.nats, registry });
  const findKey = (key: string) => view.authenticate(key);
  const pages = createConsole({ findKey: withAdminKey(findKey, config.adminKey), catalog: view, engine });
  const server = await startHttpServer({
    host: config.host,
    port: config.consolePort,
    name: 'control plane',
    routes: controlRoutes({ dependencies, pipeline, catchUp, pages }),
    authenticate: findKey,
    authenticateCookie: pages.authenticateCookie,
    adminKey: config.adminKey,
    tracing: dependencies.tracing,
    metrics: registry,
    ready: async () => {
      const problems = await problemsOf(dependencies);
      return { ready: problems.length === 0, problems };
    },
    onFault: (error, where, requestId) => log.error({ error, where, requestId }, 'a request failed'),
  });
  const closing = startClosing({ clickhouse, catalog: view, registry, log, closeDays: config.closeDays });
  return {
    port: server.port,
    async stop() {
      await server.close();
      await closing.stop();
      await forecasts.stop();
      await pipeline.stop();
    },
  };
}

async function problemsOf({ catalog, clickhouse, problem }: ControlDependencies): Promise<string[]> {
  const problems: string[] = [];
  await catalog.redis.ping().catch(() => problems.push('Redis cannot be reached'));
  await clickhouse.ping().catch(() => problems.push('ClickHouse cannot be reached'));
  const own = problem?.() ?? '';
  if (own !== '') problems.push(own);
  return problems;
}
