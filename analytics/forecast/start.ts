import type { Registry } from 'prom-client';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import type { ListCustomers } from '../reconcile/drift-watch.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { SignalRefresh } from '../signals/refresh.js';
import type { SignalRules } from '../signals/rules-file.js';
import { storeForecasts } from './forecast-table.js';
import { ForecastWatch } from './forecast-watch.js';
import { forecastsOf } from './forecaster.js';
import { ForecastMetrics } from './metrics.js';

export interface ForecastDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'insertRows' | 'command'>;
  readonly catalog: ReportCatalog;
  readonly listCustomers: ListCustomers;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly rules: SignalRules;
  /** Between two runs, s; 0: there are none. */
  readonly everySeconds: number;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

/** The refresh of forecasts and signals in the background. */
export function startForecasts(dependencies: ForecastDependencies): ForecastWatch {
  const { clickhouse, catalog, rules, listCustomers, registry, log, everySeconds, now = Date.now } = dependencies;
  const signals = new SignalRefresh({ clickhouse, catalog, rules });
  const watch = new ForecastWatch({
    clickhouse,
    listCustomers,
    begin: (nowMs) => signals.begin(nowMs),
    async work(customers, nowMs) {
      const forecasts = await forecastsOf(clickhouse, catalog, customers, nowMs);
      await storeForecasts(clickhouse, forecasts);
      await signals.work(customers, forecasts, nowMs);
    },
    endWhole: (nowMs) => signals.end(nowMs),
    everyMs: everySeconds * 1_000,
    metrics: new ForecastMetrics(registry),
    log,
    now,
  });
  if (everySeconds > 0) watch.start();
  return watch;
}
