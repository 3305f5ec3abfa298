import { Gauge, type Registry } from 'prom-client';
import type { OpenCatalog } from './open-catalog.js';

/** What keeps the catalog and its shards, for a scrape. */
export function showCatalog({ counters }: Pick<OpenCatalog, 'counters'>, registry: Registry): void {
  const registers = [registry];
  new Gauge({
    name: 'weir_catalog_fence_failures_total',
    help: 'Times the shards could not be brought to the catalog version in force: tried again every 2 seconds.',
    registers,
    collect() {
      this.set(counters.fenceFailures);
    },
  });
  new Gauge({
    name: 'weir_shards_uninitialised',
    help: 'Shards that have lost their state, and decide nothing until weir rebuild.',
    registers,
    collect() {
      this.set(counters.uninitialised);
    },
  });
  new Gauge({
    name: 'weir_catalog_file_looks_total',
    help: 'Looks at a changed catalog file by how they ended; refused and unreadable ones changed nothing.',
    labelNames: ['outcome'] as const,
    registers,
    collect() {
      for (const [outcome, count] of Object.entries(counters.looks)) this.set({ outcome }, count);
    },
  });
}
