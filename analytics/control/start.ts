import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import { KeyService } from '../../engine/index.js';
import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';
import { showNumber } from '../../engine/platform/metrics.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import { withAdminKey } from '../../ingest/http/auth.js';
import { startHttpServer } from '../../ingest/http/index.js';
import { AlertLog } from '../alerts/alert-log.js';
import type { AlertOptions } from '../alerts/start.js';
import type { ClickHouse } from '../clickhouse.js';
import { createConsole } from '../console/index.js';
import { startClosing } from '../finance/start.js';
import { startForecasts } from '../forecast/start.js';
import { createPortal } from '../portal/index.js';
import type { Rebuilder } from '../rebuild/rebuilder.js';
import { createRebuilder } from '../rebuild/start.js';
import { listCustomersOf } from '../reconcile/gone.js';
import { type Reconciliation, startReconciliation } from '../reconcile/start.js';
import { loadRules } from '../signals/rules-file.js';
import { CatchUp } from '../sink/catch-up.js';
import { accountRoutes } from './account-routes.js';
import { alertRoutes } from './alert-routes.js';
import { AlertStart } from './alert-start.js';
import { caughtUp } from './answer.js';
import { catalogApplyRoute } from './catalog-apply-route.js';
import { showCatalog } from './catalog-metrics.js';
import { catalogRoutes } from './catalog-routes.js';
import { countDeadLetters, deadLetterRoutes } from './dead-letter-routes.js';
import { financeRoutes } from './finance-routes.js';
import { forecastRoutes } from './forecast-routes.js';
import { grantRoutes } from './grant-routes.js';
import { keyRoutes } from './key-routes.js';
import type { OpenCatalog } from './open-catalog.js';
import { onRedis } from './operator.js';
import { overviewRoute } from './overview-route.js';
import { showReachability } from './reachability.js';
import { rebuildRoutes } from './rebuild-routes.js';
import { reconcileRoutes } from './reconcile-routes.js';
import { reportRoutes } from './report-routes.js';
import { signalRoutes } from './signal-routes.js';
import { voidRoute } from './void-route.js';

export interface ControlDependencies {
  readonly config: Pick<
    Config,
    'host' | 'consolePort' | 'adminKey' | 'reconcileSeconds' | 'closeDays' | 'forecastSeconds' | 'signals'
  >;
  readonly catalog: OpenCatalog;
  readonly clickhouse: ClickHouse;
  /** Once NATS is reached; until then, and left out, nothing that asks the pipeline of facts is answered. */
  readonly nats?: Promise<NatsConnection> | undefined;
  readonly registry: Registry;
  readonly log: Logger;
  /** How alerts go out; left out, to public addresses, and none by mail. */
  readonly alerts?: AlertOptions | undefined;
  /** What keeps a part in the same process from working, '' when it works. */
  readonly problem?: () => string;
  /** How long a void waits for the ledger to catch up; replaced by tests. */
  readonly ledgerWaitMs?: number | undefined;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

export interface RunningControl {
  readonly port: number;
  stop(): Promise<void>;
}

/** Serves the control plane: the catalog, the keys, the reports and the console. */
export async function startControl(dependencies: ControlDependencies): Promise<RunningControl> {
  const { config, catalog, clickhouse, log } = dependencies;
  const { registry, engine } = dependencies.catalog;
  const { view } = engine;
  showCatalog(catalog, dependencies.registry);
  let nats: NatsConnection | undefined;
  const findKey = (key: string) => view.authenticate(key);
  showNumber(
    dependencies.registry,
    'weir_catalog_version',
    'Version of the catalog that decides here.',
    () => view.version,
  );
  showReachability(dependencies, () => nats);
  const pages = createConsole({ findKey: withAdminKey(findKey, config.adminKey), catalog: view, engine });
  let reconciliation: Reconciliation | undefined;
  const alerts = new AlertStart(dependencies);
  let rebuilder: Rebuilder | undefined;
  void dependencies.nats?.then((connection) => {
    nats = connection;
    alerts.begin(connection);
    countDeadLetters(connection, dependencies.registry);
    rebuilder = createRebuilder({ catalog, clickhouse, nats: connection, registry: dependencies.registry, log });
    reconciliation = startReconciliation({
      catalog,
      clickhouse,
      nats: connection,
      registry: dependencies.registry,
      log,
      everySeconds: config.reconcileSeconds,
    });
  });
  const forecasts = startForecasts({
    clickhouse,
    catalog: view,
    rules: loadRules(config.signals),
    listCustomers: listCustomersOf(registry),
    registry: dependencies.registry,
    log,
    everySeconds: config.forecastSeconds,
  });
  const catchUp = new CatchUp({ nats: () => nats, registry: dependencies.registry });
  const server = await startHttpServer({
    host: config.host,
    port: config.consolePort,
    name: 'control plane',
    routes: [
      ...[
        ...reportRoutes({ clickhouse, catalog: view }),
        ...financeRoutes({ clickhouse, catalog: view }),
        ...forecastRoutes({ clickhouse, catalog: view }),
        ...accountRoutes({ clickhouse, catalog: view, registry }),
        overviewRoute({
          catalog: dependencies.catalog,
          clickhouse,
          nats: () => nats,
          drift: () => reconciliation?.watch.state,
          registry: dependencies.registry,
        }),
        ...signalRoutes({ clickhouse }),
        ...createPortal({ adminKey: config.adminKey, catalog: view, engine, clickhouse, log }),
      ].map(caughtUp(catchUp)),
      ...reconcileRoutes(() => reconciliation),
      ...rebuildRoutes(() => rebuilder),
      ...deadLetterRoutes(() => nats),
      ...alertRoutes({
        alerting: () => alerts.running,
        alertLog: new AlertLog(clickhouse),
        allowPrivate: alerts.options.allowPrivate,
        log,
      }),
      ...[...catalogRoutes(registry), ...grantRoutes(registry), catalogApplyRoute(registry)].map(onRedis),
      voidRoute({ clickhouse, engine, catalog: view, catchUp, ledgerWaitMs: dependencies.ledgerWaitMs }),
      ...keyRoutes(new KeyService(registry)).map(onRedis),
      ...pages.routes,
    ],
    authenticate: findKey,
    authenticateCookie: pages.authenticateCookie,
    adminKey: config.adminKey,
    tracing: dependencies.tracing,
    metrics: dependencies.registry,
    ready: async () => {
      const problems = await problemsOf(dependencies);
      return { ready: problems.length === 0, problems };
    },
    onFault: (error, where, requestId) => log.error({ error, where, requestId }, 'a request failed'),
  });
  const { closeDays } = config;
  const closing = startClosing({ clickhouse, catalog: view, registry: dependencies.registry, log, closeDays });
  return {
    port: server.port,
    async stop() {
      await server.close();
      await closing.stop();
      await forecasts.stop();
      await reconciliation?.stop();
      await alerts.stop();
      rebuilder?.stop();
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
