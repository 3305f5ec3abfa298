import { Counter, type Registry } from 'prom-client';

/** What rebuilds tell. */
export class RebuildMetrics {
  readonly customers: Counter;
  readonly failures: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.customers = new Counter({
      name: 'weir_rebuild_customers_total',
      help: 'Customers whose counters were rebuilt from the ledger, or found to need none.',
      registers,
    });
    this.failures = new Counter({
      name: 'weir_rebuild_failures_total',
      help: 'Rebuilds that failed; asked for again they go on.',
      registers,
    });
  }
}
