import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import type { OpenCatalog } from '../control/open-catalog.js';
import { DriftWatch, type ListCustomers } from './drift-watch.js';
import { listAll } from './gone.js';
import { LedgerProgress } from './ledger-progress.js';
import { ReconcileMetrics } from './metrics.js';
import { Reconciler } from './reconciler.js';

export interface ReconcileDependencies {
  readonly catalog: Pick<OpenCatalog, 'registry' | 'engine'>;
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  readonly nats: NatsConnection;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  /** Between two turns of the background comparison, s; 0: there is none. */
  readonly everySeconds: number;
}

/** The comparison of counters and ledger, when it is asked for and in the background. */
export interface Reconciliation {
  readonly reconciler: Reconciler;
  readonly watch: DriftWatch;
  readonly listCustomers: ListCustomers;
  countCustomers(): Promise<number>;
  stop(): Promise<void>;
}

export function startReconciliation(dependencies: ReconcileDependencies): Reconciliation {
  const { catalog, clickhouse, nats, registry, log, everySeconds } = dependencies;
  const counters = catalog.engine.counterReader();
  const progress = new LedgerProgress(nats, (point) => counters.isRelayed(point));
  const waitForLedger = progress.waitFor.bind(progress);
  const reconciler = new Reconciler({ clickhouse, counters, waitForLedger });
  const listCustomers = listAll(catalog.registry, clickhouse);
  const watch = new DriftWatch({
    everyMs: everySeconds * 1_000,
    listCustomers,
    compare: (customers) => reconciler.compare(customers),
    metrics: new ReconcileMetrics(registry),
    log,
  });
  if (everySeconds > 0) watch.start();
  return {
    reconciler,
    watch,
    listCustomers,
    countCustomers: () => catalog.registry.countObjects('customer'),
    stop: () => watch.stop(),
  };
}
