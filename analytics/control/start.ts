import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import { KeyService } from '../../engine/index.js';
import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';
import { withAdminKey } from '../../ingest/http/auth.js';
import { startHttpServer } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { createConsole } from '../console/index.js';
import { type Reconciliation, startReconciliation } from '../reconcile/start.js';
import { accountRoutes } from './account-routes.js';
import { catalogApplyRoute } from './catalog-apply-route.js';
import { catalogRoutes } from './catalog-routes.js';
import { countDeadLetters, deadLetterRoutes } from './dead-letter-routes.js';
import { keyRoutes } from './key-routes.js';
import type { OpenCatalog } from './open-catalog.js';
import { overviewRoute } from './overview-route.js';
import { reconcileRoutes } from './reconcile-routes.js';
import { reportRoutes } from './report-routes.js';
import { voidRoute } from './void-route.js';

export interface ControlDependencies {
  readonly config: Pick<Config, 'host' | 'consolePort' | 'adminKey' | 'reconcileSeconds'>;
  readonly catalog: OpenCatalog;
  readonly clickhouse: ClickHouse;
  /** Once NATS is reached; until then, and left out, nothing that asks the pipeline of facts is answered. */
  readonly nats?: Promise<NatsConnection> | undefined;
  readonly registry: Registry;
  readonly log: Logger;
  /** What keeps a part in the same process from working, '' when it works. */
  readonly problem?: () => string;
  /** How long a void waits for the ledger to catch up; replaced by tests. */
  readonly ledgerWaitMs?: number | undefined;
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
  const findKey = (key: string) => view.authenticate(key);
  const pages = createConsole({ findKey: withAdminKey(findKey, config.adminKey), catalog: view, engine });
  let nats: NatsConnection | undefined;
  let reconciliation: Reconciliation | undefined;
  void dependencies.nats?.then((connection) => {
    nats = connection;
    countDeadLetters(connection, dependencies.registry);
    reconciliation = startReconciliation({
      catalog,
      clickhouse,
      nats: connection,
      registry: dependencies.registry,
      log,
      everySeconds: config.reconcileSeconds,
    });
  });
  const server = await startHttpServer({
    host: config.host,
    port: config.consolePort,
    name: 'control plane',
    routes: [
      ...reportRoutes({ clickhouse, catalog: view }),
      ...accountRoutes({ clickhouse, catalog: view, registry }),
      overviewRoute({
        catalog: dependencies.catalog,
        clickhouse,
        nats: () => nats,
        drift: () => reconciliation?.watch.state,
        registry: dependencies.registry,
      }),
      ...reconcileRoutes(() => reconciliation),
      ...deadLetterRoutes(() => nats),
      ...catalogRoutes(registry),
      catalogApplyRoute(registry),
      voidRoute({ clickhouse, engine, catalog: view, ledgerWaitMs: dependencies.ledgerWaitMs }),
      ...keyRoutes(new KeyService(registry)),
      ...pages.routes,
    ],
    authenticate: findKey,
    authenticateCookie: pages.authenticateCookie,
    adminKey: config.adminKey,
    metrics: dependencies.registry,
    ready: async () => {
      const problems = await problemsOf(dependencies);
      return { ready: problems.length === 0, problems };
    },
    onFault: (error, where) => log.error({ error, where }, 'a request failed'),
  });
  return {
    port: server.port,
    async stop() {
      await server.close();
      await reconciliation?.stop();
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
