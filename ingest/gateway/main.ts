import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine, WeirError } from '../../engine/index.js';
import { type Config, loadConfig } from '../../engine/platform/config.js';
import { createLogger, type Logger } from '../../engine/platform/log.js';
import { createMetrics } from '../../engine/platform/metrics.js';
import { Shutdown } from '../../engine/platform/shutdown.js';
import { processName, reportReady } from '../../engine/platform/supervised.js';
import { startTracing, type Tracing } from '../../engine/platform/tracing.js';
import { showEngine } from './engine-metrics.js';
import { Pulse } from './pulse.js';
import { startGateway } from './start.js';

/** How often the engine is tried while Redis is not there, or holds no catalog yet. */
const CONNECT_RETRY_MS = 500;
const MIB = 1024 * 1024;

type WeirEngine = Awaited<ReturnType<typeof createEngine>>;

/** Waits for Redis, and for the control plane to load the first catalog: processes start in any order. */
async function connectEngine(config: Config, log: Logger, tracing: Tracing | undefined): Promise<WeirEngine> {
  if (config.redisUrl === undefined) throw new Error('a gateway needs REDIS_URL');
  for (let attempt = 0; ; attempt++) {
    try {
      return await createEngine({
        redis: config.redisUrl,
        log,
        storeTimeoutMs: config.storeTimeoutMs,
        storeFateMs: config.storeFateMs,
        outage: { folder: join(config.home, 'spool'), bytesMax: config.spoolMb * MIB },
        outboxBytesMax: config.outboxMb * MIB,
        tracing,
      });
    } catch (error) {
      const waits = error instanceof WeirError && error.code === 'uninitialised';
      if (attempt % 20 === 0) log.warn(waits ? {} : { error }, 'waiting for Redis and the first catalog');
      await sleep(CONNECT_RETRY_MS);
    }
  }
}
const config = loadConfig(process.env);
const name = processName('gateway', config.gatewayIndex);
const log = createLogger(name, config);
const registry = createMetrics(name);
const shutdown = new Shutdown({ log });
shutdown.listen();

const tracing = await startTracing(process.env, name);
const engine = await connectEngine(config, log, tracing);
showEngine(engine, registry);
const gateway = await startGateway({
  engine,
  keys: engine.view,
  host: config.host,
  port: config.port,
  adminKey: config.adminKey,
  registry,
  log,
  tracing,
});
const pulse = new Pulse({ registry, pulses: engine.pulses(), gateway: `${hostname()}/${name}`, engine, log });
pulse.start();
shutdown.step('gateway', () => gateway.close());
shutdown.step('pulse', () => pulse.stop());
shutdown.step('engine', () => engine.close());
if (tracing !== undefined) shutdown.step('traces', () => tracing.close());
log.info({ host: config.host, port: gateway.port }, 'listening');
reportReady();
