import { Counter, Gauge, type Registry } from 'prom-client';

/** What the comparison of counters and ledger tells. */
export class ReconcileMetrics {
  readonly driftLimits: Gauge;
  readonly customers: Counter;
  readonly windows: Counter;
  readonly failures: Counter;
  readonly roundSeconds: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.driftLimits = new Gauge({
      name: 'weir_drift_limits',
      help: 'Windows of limits whose counter was not what the ledger says when they were compared last.',
      registers,
    });
    this.customers = new Counter({
      name: 'weir_reconcile_customers_total',
      help: 'Customers whose counters were compared with the ledger in the background.',
      registers,
    });
    this.windows = new Counter({
      name: 'weir_reconcile_windows_total',
      help: 'Windows of limits that were compared with the ledger in the background.',
      registers,
    });
    this.failures = new Counter({
      name: 'weir_reconcile_failures_total',
      help: 'Comparisons in the background that failed, and were left for the next turn.',
      registers,
    });
    this.roundSeconds = new Gauge({
      name: 'weir_reconcile_round_timestamp_seconds',
      help: 'When the last round over all customers ended, seconds since 1970; 0 before the first one.',
      registers,
    });
  }
}
