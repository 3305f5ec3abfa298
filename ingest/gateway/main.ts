import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import { createEngine, WeirError } from '../../engine/index.js';
import { type Config, loadConfig } from '../../engine/platform/config.js';
import { createLogger, type Logger } from '../../engine/platform/log.js';
import { createMetrics } from '../../engine/platform/metrics.js';
import { Shutdown } from '../../engine/platform/shutdown.js';
import { processName, reportReady } from '../../engine/platform/supervised.js';
import { startGateway } from './start.js';

/** How often the engine is tried while Redis is not there, or holds no catalog yet. */
const CONNECT_RETRY_MS = 500;

type WeirEngine = Awaited<ReturnType<typeof createEngine>>;

/** Waits for Redis, and for the control plane to load the first catalog: processes start in any order. */
async function connectEngine(config: Config, log: Logger): Promise<WeirEngine> {
  if (config.redisUrl === undefined) throw new Error('a gateway needs REDIS_URL');
  for (let attempt = 0; ; attempt++) {
    try {
      return await createEngine({
        redis: config.redisUrl,
        log,
        storeTimeoutMs: config.storeTimeoutMs,
        storeFateMs: config.storeFateMs,
      });
    } catch (error) {
      const waits = error instanceof WeirError && error.code === 'uninitialised';
      if (attempt % 20 === 0) log.warn(waits ? {} : { error }, 'waiting for Redis and the first catalog');
      await sleep(CONNECT_RETRY_MS);
    }
  }
}

/** What the engine counts, for a scrape. */
function showEngine(engine: WeirEngine, registry: Registry): void {
  const shown: readonly [name: string, help: string, read: () => number][] = [
    ['weir_engine_operations', 'Operations decided since the start.', () => engine.counters.operations],
    ['weir_engine_calls', 'Calls of the commit script since the start.', () => engine.counters.calls],
    ['weir_engine_resends', 'Calls sent again after a lost reply.', () => engine.counters.resends],
    ['weir_engine_stale', 'Calls answered by a newer catalog, and made again.', () => engine.counters.stale],
    ['weir_engine_clock_faults', 'Readings of a clock that ran backwards.', () => engine.counters.clockFaults],
    ['weir_engine_refused_full', 'Operations refused since too many waited.', () => engine.counters.refusedFull],
    ['weir_engine_timed_out', 'Operations not sent in time.', () => engine.counters.timedOut],
    [
      'weir_engine_unknown_outcomes',
      'Operations whose fate was not known in time.',
      () => engine.counters.unknownOutcomes,
    ],
    ['weir_engine_depth', 'Operations that wait or are in flight.', () => engine.depth],
    ['weir_catalog_version', 'Version of the catalog that decides here.', () => engine.view.version],
  ];
  for (const [name, help, read] of shown) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }
}

const config = loadConfig(process.env);
const name = processName('gateway', config.gatewayIndex);
const log = createLogger(name, config);
const registry = createMetrics(name);
const shutdown = new Shutdown({ log });
shutdown.listen();

const engine = await connectEngine(config, log);
showEngine(engine, registry);
const gateway = await startGateway({
  engine,
  keys: engine.view,
  host: config.host,
  port: config.port,
  adminKey: config.adminKey,
  registry,
  log,
});
shutdown.step('gateway', () => gateway.close());
shutdown.step('engine', () => engine.close());
log.info({ host: config.host, port: gateway.port }, 'listening');
reportReady();
