import { connect } from 'nats';
import { loadConfig } from '../../engine/platform/config.js';
import { createLogger } from '../../engine/platform/log.js';
import { createMetrics } from '../../engine/platform/metrics.js';
import { Shutdown } from '../../engine/platform/shutdown.js';
import { reportReady } from '../../engine/platform/supervised.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { ClickHouse } from '../clickhouse.js';
import { migrateOnceReachable } from '../migrate.js';
import { openCatalog } from './open-catalog.js';
import { showMetricsOf } from './remote-metrics.js';
import { startControl } from './start.js';

/** The control plane alone: with a ClickHouse server, since an embedded one belongs to the sink's process. */
const config = loadConfig(process.env);
const log = createLogger('control', config);
if (config.clickhouseUrl === undefined) throw new Error('a control plane of its own needs CLICKHOUSE_URL');
const registry = createMetrics('control');
const shutdown = new Shutdown({ log });

const catalog = await openCatalog(config, log);
const clickhouse = await ClickHouse.open(config);
await migrateOnceReachable(clickhouse, log);
const control = await startControl({ config, catalog, clickhouse, registry, log });
shutdown.step('http server', () => control.stop());
shutdown.step('catalog', () => catalog.close());
shutdown.step('clickhouse', () => clickhouse.close());

if (config.natsUrl !== undefined) {
  const nats = await connect({
    ...natsConnectionOptions(config.natsUrl),
    name: 'weir-control',
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    waitOnFirstConnect: true,
  });
  showMetricsOf(['relay', 'sink'], registry, nats);
  shutdown.step('nats', () => nats.close());
}
shutdown.listen();
log.info({ port: control.port }, 'ready');
reportReady();
