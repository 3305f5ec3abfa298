import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/**
 * How often the event loop's delay is looked at, ms, which is also what an idle loop shows. By default a process wakes a
 * hundred times a second for it, which took half of what an idle gateway takes.
 */
const EVENT_LOOP_LOOK_MS = 50;

let defaultsCollected = false;

/**
 * A registry whose metrics all carry the label `process`, such as `gateway-0`.
 *
 * The metrics of Node itself (memory, event loop, garbage collection) go into the first registry of the process only:
 * their observers are global, and a second set would count everything twice.
 */
export function createMetrics(processName: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ process: processName });
  if (!defaultsCollected) {
    defaultsCollected = true;
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS });
  }
  return registry;
}

/**
 * Shows a number that is kept elsewhere, read at each scrape: by Prometheus's convention a counter where its name ends
 * with `_total`, else a gauge.
 */
export function showNumber(registry: Registry, name: string, help: string, read: () => number): void {
  if (!name.endsWith('_total')) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
    return;
  }
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
