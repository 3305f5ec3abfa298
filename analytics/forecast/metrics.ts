import { Counter, Gauge, type Registry } from 'prom-client';

/** What the refresh of forecasts and signals tells. */
export class ForecastMetrics {
  readonly customers: Counter;
  readonly failures: Counter;
  readonly runSeconds: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.customers = new Counter({
      name: 'weir_forecast_customers_total',
      help: 'Customers whose forecasts and signals were worked out anew.',
      registers,
    });
    this.failures = new Counter({
      name: 'weir_forecast_failures_total',
      help: 'Runs of forecasts and signals that failed, and were left for the next turn.',
      registers,
    });
    this.runSeconds = new Gauge({
      name: 'weir_forecast_run_timestamp_seconds',
      help: 'When forecasts and signals were last refreshed to the end, seconds since 1970; 0 before the first time.',
      registers,
    });
  }
}
