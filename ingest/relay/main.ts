import { connect } from 'nats';
import { connectRedis } from '../../engine/catalog/redis.js';
import { metricsSubject } from '../../engine/contract/message.js';
import { loadConfig } from '../../engine/platform/config.js';
import { createLogger } from '../../engine/platform/log.js';
import { createMetrics } from '../../engine/platform/metrics.js';
import { Shutdown } from '../../engine/platform/shutdown.js';
import { reportReady } from '../../engine/platform/supervised.js';
import { startTracing } from '../../engine/platform/tracing.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { startRelay } from './start.js';
import { startSweep } from './sweep.js';

const config = loadConfig(process.env);
const log = createLogger('relay', config);
if (config.redisUrl === undefined || config.natsUrl === undefined) {
  throw new Error('the relay needs REDIS_URL and NATS_URL');
}

const redisUrl = config.redisUrl;
const redis = connectRedis(redisUrl);
redis.on('error', (error) => log.warn({ error }, 'redis'));
const connectBlocking = () => {
  const connection = connectRedis(redisUrl);
  connection.on('error', () => undefined);
  return connection;
};
const nats = await connect({
  ...natsConnectionOptions(config.natsUrl),
  name: 'weir-relay',
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  waitOnFirstConnect: true,
});
const registry = createMetrics('relay');
nats.subscribe(metricsSubject('relay'), {
  callback: (_error, message) => void registry.metrics().then((text) => message.respond(Buffer.from(text))),
});
const tracing = await startTracing(process.env, 'relay');
const relay = startRelay({ nats, redis, connectBlocking, registry, log, tracing, onReady: reportReady });
const sweep = startSweep({ redisUrl, idMemoryMb: config.idMemoryMb, registry, log });

const shutdown = new Shutdown({ log });
shutdown.step('relay', () => Promise.all([relay.stop(), sweep.stop()]).then(() => undefined));
if (tracing !== undefined) shutdown.step('traces', () => tracing.close());
shutdown.step('nats', () => nats.close());
shutdown.step('redis', () => redis.disconnect());
shutdown.listen();
