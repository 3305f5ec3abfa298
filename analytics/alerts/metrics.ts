import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What alerts count. */
export class AlertMetrics {
  readonly raised: Counter<'kind'>;
  readonly deliveries: Counter<'kind' | 'outcome'>;
  readonly attemptSeconds: Histogram;
  readonly latencySeconds: Histogram;
  readonly restarts: Counter;
  readonly swept: Counter;

  /** @param pending deliveries that are not over, and the age of the oldest, ms; asked for at each scrape. */
  constructor(registry: Registry, pending: () => { readonly count: number; readonly oldestMs: number }) {
    const registers = [registry];
    this.raised = new Counter({
      name: 'weir_alerts_raised_total',
      help: 'Alerts raised, by kind; each once.',
      labelNames: ['kind'] as const,
      registers,
    });
    this.deliveries = new Counter({
      name: 'weir_alert_deliveries_total',
      help: 'Attempts to deliver an alert, by kind of target and outcome: delivered, retried, dead.',
      labelNames: ['kind', 'outcome'] as const,
      registers,
    });
    this.attemptSeconds = new Histogram({
      name: 'weir_alert_attempt_seconds',
      help: 'Time of one attempt to deliver.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.latencySeconds = new Histogram({
      name: 'weir_alert_latency_seconds',
      help: 'From the charge that crossed to the answer of the target, of what was delivered.',
      buckets: [0.1, 0.25, 0.5, 0.75, 1, 2.5, 10, 60, 600, 3_600, 86_400],
      registers,
    });
    this.restarts = new Counter({
      name: 'weir_alerts_restarts_total',
      help: 'Times alerts could not be found or delivered, and began again from what was acknowledged.',
      registers,
    });
    this.swept = new Counter({
      name: 'weir_alerts_customers_swept_total',
      help: 'Customers whose counters were looked at, after a change of limits or in the background.',
      registers,
    });
    new Gauge({
      name: 'weir_alert_deliveries_pending',
      help: 'Deliveries that are not over: new, or waiting for another attempt.',
      registers,
      collect() {
        this.set(pending().count);
      },
    });
    new Gauge({
      name: 'weir_alert_delivery_oldest_seconds',
      help: 'Age of the oldest delivery that is not over; 0 when there is none.',
      registers,
      collect() {
        this.set(pending().oldestMs / 1_000);
      },
    });
  }
}
