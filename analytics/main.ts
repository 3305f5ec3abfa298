import { connect } from 'nats';
import { loadConfig } from '../engine/platform/config.js';
import { createLogger } from '../engine/platform/log.js';
import { createMetrics } from '../engine/platform/metrics.js';
import { yieldProcessor } from '../engine/platform/priority.js';
import { Shutdown } from '../engine/platform/shutdown.js';
import { reportReady } from '../engine/platform/supervised.js';
import { startTracing } from '../engine/platform/tracing.js';
import { natsConnectionOptions } from '../engine/platform/urls.js';
import { alertOptions } from './alerts/start.js';
import { ClickHouse } from './clickhouse.js';
import { openCatalog } from './control/open-catalog.js';
import { showMetricsOf } from './control/remote-metrics.js';
import { startControl } from './control/start.js';
import { migrateOnceReachable } from './migrate.js';
import { readLostCatalog } from './rebuild/lost-ledger.js';
import { startSink } from './sink/start.js';

/** As of nice(1). */
const NICENESS = 10;

/** Sink and control plane in one process, as `npm start` runs them: the embedded ClickHouse is one per process. */
const config = loadConfig(process.env);
const log = createLogger('control', config);
if (config.natsUrl === undefined) throw new Error('the sink needs NATS_URL');
const registry = createMetrics('control');
const shutdown = new Shutdown({ log });

let opened: Promise<ClickHouse> | undefined;
const openLedger = (): Promise<ClickHouse> => {
  opened ??= (async () => {
    // Where cores are short, checks go first: facts have seconds, a check has none. The threads that the embedded
    // ClickHouse starts from here on, which sort and merge, inherit it.
    yieldProcessor(NICENESS, log);
    const clickhouse = await ClickHouse.open(config);
    await migrateOnceReachable(clickhouse, log);
    return clickhouse;
  })();
  return opened;
};
// The catalog first: gateways wait for it, and the embedded ClickHouse takes a second to open.
const catalog = await openCatalog(config, log, async () => readLostCatalog(await openLedger()));
// Lines of their own, so that a slow report holds up no insert; a few, so that it holds up no other report either.
const [ledger, reports] = [await openLedger(), await ClickHouse.open(config, 4)];
const nats = await connect({
  ...natsConnectionOptions(config.natsUrl),
  name: 'weir-sink',
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  waitOnFirstConnect: true,
});
showMetricsOf(['relay'], registry, nats);
const tracing = await startTracing(process.env, 'control');
const sink = startSink({ nats, clickhouse: ledger, registry, log, tracing });
const control = await startControl({
  config,
  catalog,
  clickhouse: reports,
  nats: Promise.resolve(nats),
  registry,
  log,
  problem: sink.problem,
  alerts: alertOptions(config),
  tracing,
});

shutdown.step('http server', () => control.stop());
shutdown.step('catalog', () => catalog.close());
shutdown.step('sink', () => sink.stop());
if (tracing !== undefined) shutdown.step('traces', () => tracing.close());
shutdown.step('nats', () => nats.close());
shutdown.step('clickhouse', async () => {
  await reports.close();
  await ledger.close();
});
shutdown.listen();
log.info({ port: control.port }, 'ready');
reportReady();
