import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import type { AlertOptions } from '../alerts/start.js';
import type { ClickHouse } from '../clickhouse.js';
import type { OpenCatalog } from './open-catalog.js';

/** What the control plane is given. */
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
