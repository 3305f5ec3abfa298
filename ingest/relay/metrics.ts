import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Outbox } from '../../engine/store/outbox.js';

/** What the relay counts; every series carries the shard. */
export class RelayMetrics {
  readonly entries: Counter<'shard'>;
  readonly messages: Counter<'shard'>;
  readonly bytes: Counter<'shard'>;
  readonly failures: Counter<'shard'>;
  readonly restarts: Counter;
  readonly housekeepingFailures: Counter;
  readonly publishSeconds: Histogram<'shard'>;
  readonly #active: Gauge;
  readonly leaseFailures: Counter;
  readonly #length: Gauge<'shard'>;
  readonly #lag: Gauge<'shard'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ['shard'] as const;
    this.entries = new Counter({
      name: 'weir_relay_entries_total',
      help: 'Outbox entries acknowledged by JetStream.',
      labelNames,
      registers,
    });
    this.messages = new Counter({
      name: 'weir_relay_messages_total',
      help: 'Messages acknowledged by JetStream.',
      labelNames,
      registers,
    });
    this.bytes = new Counter({
      name: 'weir_relay_bytes_total',
      help: 'Bytes of outbox entries acknowledged by JetStream.',
      labelNames,
      registers,
    });
    this.failures = new Counter({
      name: 'weir_relay_failures_total',
      help: 'Times the relay had to start over from where the stream stands.',
      labelNames,
      registers,
    });
    this.restarts = new Counter({
      name: 'weir_relay_restarts_total',
      help: 'Times the relay could not work at all, and began again: NATS, Redis or its lease.',
      registers,
    });
    this.housekeepingFailures = new Counter({
      name: 'weir_relay_housekeeping_failures_total',
      help: 'Times the outboxes could not be measured, or JetStream not be tidied up: done again at the next turn.',
      registers,
    });
    this.leaseFailures = new Counter({
      name: 'weir_relay_lease_failures_total',
      help: 'Times the lease could not be renewed or given up.',
      registers,
    });
    this.publishSeconds = new Histogram({
      name: 'weir_relay_publish_duration_seconds',
      help: "Time of one message from its publishing to JetStream's acknowledgement.",
      labelNames,
      buckets: [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    });
    this.#active = new Gauge({
      name: 'weir_relay_active',
      help: '1 while this relay holds the lease and carries facts, else 0.',
      registers,
    });
    this.#length = new Gauge({
      name: 'weir_outbox_entries',
      help: 'Entries that wait in the outbox; of the catalog also those kept for gateways.',
      labelNames,
      registers,
    });
    this.#lag = new Gauge({
      name: 'weir_outbox_lag_seconds',
      help: 'Age of the oldest entry in the outbox, by the clock of this machine; 0 when it is empty.',
      labelNames,
      registers,
    });
  }

  active(holds: boolean): void {
    this.#active.set(holds ? 1 : 0);
  }

  /** Measures an outbox. @throws Error when Redis cannot be reached. */
  async measure(shard: string, outbox: Outbox): Promise<void> {
    const [length, oldest] = await Promise.all([outbox.length(), outbox.oldest()]);
    this.#length.set({ shard }, length);
    this.#lag.set({ shard }, oldest === null ? 0 : Math.max(0, Date.now() - oldest.ms) / 1_000);
  }
}
