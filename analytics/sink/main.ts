import { connect } from 'nats';
import { metricsSubject } from '../../engine/contract/message.js';
import { loadConfig } from '../../engine/platform/config.js';
import { createLogger } from '../../engine/platform/log.js';
import { createMetrics } from '../../engine/platform/metrics.js';
import { Shutdown } from '../../engine/platform/shutdown.js';
import { reportReady } from '../../engine/platform/supervised.js';
import { startTracing } from '../../engine/platform/tracing.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { ClickHouse } from '../clickhouse.js';
import { startSink } from './start.js';

/** The sink alone: with a ClickHouse server, or embedded where no control plane runs beside it. */
const config = loadConfig(process.env);
const log = createLogger('sink', config);
if (config.natsUrl === undefined) throw new Error('the sink needs NATS_URL');

const clickhouse = await ClickHouse.open(config);
const nats = await connect({
  ...natsConnectionOptions(config.natsUrl),
  name: 'weir-sink',
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  waitOnFirstConnect: true,
});
const registry = createMetrics('sink');
nats.subscribe(metricsSubject('sink'), {
  callback: (_error, message) => void registry.metrics().then((text) => message.respond(Buffer.from(text))),
});
const tracing = await startTracing(process.env, 'sink');
const sink = startSink({ nats, clickhouse, registry, log, tracing, onReady: reportReady });

const shutdown = new Shutdown({ log });
shutdown.step('sink', () => sink.stop());
if (tracing !== undefined) shutdown.step('traces', () => tracing.close());
shutdown.step('nats', () => nats.close());
shutdown.step('clickhouse', () => clickhouse.close());
shutdown.listen();
