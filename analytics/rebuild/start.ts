import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import type { OpenCatalog } from '../control/open-catalog.js';
import { LedgerProgress } from '../reconcile/ledger-progress.js';
import { readLostCatalog } from './lost-ledger.js';
import { RebuildMetrics } from './metrics.js';
import { Rebuilder } from './rebuilder.js';

export interface RebuildDependencies {
  readonly catalog: Pick<OpenCatalog, 'registry' | 'engine' | 'restore'>;
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  readonly nats: NatsConnection;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'error'>;
}

export function createRebuilder({ catalog, clickhouse, nats, registry, log }: RebuildDependencies): Rebuilder {
  const progress = new LedgerProgress(nats, async () => true);
  return new Rebuilder({
    ...{ clickhouse, log, registry: catalog.registry, engine: catalog.engine },
    restoreCatalog: async () => {
      const lost = await readLostCatalog(clickhouse);
      return lost === undefined ? 0 : await catalog.restore(lost);
    },
    waitForStream: () => progress.waitForStream(),
    metrics: new RebuildMetrics(registry),
  });
}
