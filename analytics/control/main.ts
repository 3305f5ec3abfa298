import { connect, type NatsConnection } from 'nats';
import { loadConfig } from '../../engine/platform/config.js';
import { createLogger } from '../../engine/platform/log.js';
import { createMetrics } from '../../engine/platform/metrics.js';
import { Shutdown } from '../../engine/platform/shutdown.js';
import { reportReady } from '../../engine/platform/supervised.js';
import { startTracing } from '../../engine/platform/tracing.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { alertOptions } from '../alerts/start.js';
import { ClickHouse } from '../clickhouse.js';
import { migrateOnceReachable } from '../migrate.js';
import { readLostCatalog } from '../rebuild/lost-ledger.js';
import { openCatalog } from './open-catalog.js';
import { showMetricsOf } from './remote-metrics.js';
import { startControl } from './start.js';

/** The control plane alone: with a ClickHouse server, since an embedded one belongs to the sink's process. */
const config = loadConfig(process.env);
const log = createLogger('control', config);
if (config.clickhouseUrl === undefined) throw new Error('a control plane of its own needs CLICKHOUSE_URL');
const registry = createMetrics('control');
const shutdown = new Shutdown({ log });

const clickhouse = await ClickHouse.open(config);
const catalog = await openCatalog(config, log, async () => {
  await migrateOnceReachable(clickhouse, log);
  return await readLostCatalog(clickhouse);
});
await migrateOnceReachable(clickhouse, log);
const nats = config.natsUrl === undefined ? undefined : connectNats(config.natsUrl);
const tracing = await startTracing(process.env, 'control');
const control = await startControl({
  config,
  catalog,
  clickhouse,
  nats,
  registry,
  log,
  tracing,
  alerts: alertOptions(config),
});
shutdown.step('http server', () => control.stop());
if (tracing !== undefined) shutdown.step('traces', () => tracing.close());
shutdown.step('catalog', () => catalog.close());
shutdown.step('clickhouse', () => clickhouse.close());

if (nats !== undefined) {
  const connection = await nats;
  showMetricsOf(['relay', 'sink'], registry, connection);
  shutdown.step('nats', () => connection.close());
}
shutdown.listen();
log.info({ port: control.port }, 'ready');
reportReady();

function connectNats(url: string): Promise<NatsConnection> {
  return connect({
    ...natsConnectionOptions(url),
    name: 'weir-control',
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    waitOnFirstConnect: true,
  });
}
