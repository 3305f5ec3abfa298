import type { Registry } from 'prom-client';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import type { ListCustomers } from '../reconcile/drift-watch.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { storeForecasts } from './forecast-table.js';
import { ForecastWatch } from './forecast-watch.js';
import { forecastsOf } from './forecaster.js';
import { ForecastMetrics } from './metrics.js';

export interface ForecastDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'insertRows'>;
  readonly catalog: ReportCatalog;
  readonly listCustomers: ListCustomers;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Between two runs, s; 0: there are none. */
  readonly everySeconds: number;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

/** The refresh of forecasts in the background. */
export function startForecasts(dependencies: ForecastDependencies): ForecastWatch {
  const { clickhouse, catalog, listCustomers, registry, log, everySeconds, now = Date.now } = dependencies;
  const watch = new ForecastWatch({
    clickhouse,
    listCustomers,
    begin: async () => undefined,
    async work(customers, nowMs) {
      await storeForecasts(clickhouse, await forecastsOf(clickhouse, catalog, customers, nowMs));
    },
    everyMs: everySeconds * 1_000,
    metrics: new ForecastMetrics(registry),
    log,
    now,
  });
  if (everySeconds > 0) watch.start();
  return watch;
}
