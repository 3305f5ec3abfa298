import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

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
    collectDefaultMetrics({ register: registry });
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
