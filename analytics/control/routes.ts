import { KeyService } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import { AlertLog } from '../alerts/alert-log.js';
import type { ConsoleParts } from '../console/index.js';
import { createPortal } from '../portal/index.js';
import type { CatchUp } from '../sink/catch-up.js';
import { accountRoutes } from './account-routes.js';
import { alertRoutes } from './alert-routes.js';
import { caughtUp } from './answer.js';
import { catalogApplyRoute } from './catalog-apply-route.js';
import { catalogRoutes } from './catalog-routes.js';
import { deadLetterRoutes } from './dead-letter-routes.js';
import type { ControlDependencies } from './dependencies.js';
import { financeRoutes } from './finance-routes.js';
import { forecastRoutes } from './forecast-routes.js';
import { grantRoutes } from './grant-routes.js';
import { keyRoutes } from './key-routes.js';
import { onRedis } from './operator.js';
import { overviewRoute } from './overview-route.js';
import type { Pipeline } from './pipeline.js';
import { rebuildRoutes } from './rebuild-routes.js';
import { reconcileRoutes } from './reconcile-routes.js';
import { reportRoutes } from './report-routes.js';
import { signalRoutes } from './signal-routes.js';
import { voidRoute } from './void-route.js';

interface RouteParts {
  readonly dependencies: ControlDependencies;
  readonly pipeline: Pipeline;
  readonly catchUp: CatchUp;
  readonly pages: ConsoleParts;
}

/** All that the control plane's port answers. */
export function controlRoutes({ dependencies, pipeline, catchUp, pages }: RouteParts): Route[] {
  const { config, catalog, clickhouse, log, ledgerWaitMs } = dependencies;
  const { registry, engine } = catalog;
  const reports = { clickhouse, catalog: engine.view };
  return [
    ...[
      ...reportRoutes(reports),
      ...financeRoutes(reports),
      ...forecastRoutes(reports),
      ...accountRoutes({ ...reports, registry }),
      overviewRoute({
        catalog,
        clickhouse,
        nats: () => pipeline.nats,
        drift: () => pipeline.reconciliation?.watch.state,
        registry: dependencies.registry,
      }),
      ...signalRoutes({ clickhouse }),
      ...createPortal({ ...reports, adminKey: config.adminKey, engine, log }),
    ].map(caughtUp(catchUp)),
    ...reconcileRoutes(() => pipeline.reconciliation),
    ...rebuildRoutes(() => pipeline.rebuilder),
    ...deadLetterRoutes(() => pipeline.nats),
    ...alertRoutes({
      alerting: () => pipeline.alerts.running,
      alertLog: new AlertLog(clickhouse),
      allowPrivate: pipeline.alerts.options.allowPrivate,
      log,
    }),
    ...[...catalogRoutes(registry), ...grantRoutes(registry), catalogApplyRoute(registry)].map(onRedis),
    voidRoute({ ...reports, engine, catchUp, ledgerWaitMs }),
    ...keyRoutes(new KeyService(registry)).map(onRedis),
    ...pages.routes,
  ];
}
