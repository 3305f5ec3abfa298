import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the sink counts. */
export class SinkMetrics {
  readonly rows: Counter<'table'>;
  readonly batches: Counter;
  readonly duplicates: Counter;
  readonly alreadyThere: Counter;
  readonly deadLetters: Counter;
  readonly retriedLetters: Counter<'outcome'>;
  readonly restarts: Counter;
  readonly failures: Counter;
  readonly leaseFailures: Counter;
  readonly missingMessages: Counter;
  readonly droppedChunks: Counter;
  readonly insertSeconds: Histogram;
  readonly lagSeconds: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.rows = new Counter({
      name: 'weir_sink_rows_total',
      help: 'Rows inserted.',
      labelNames: ['table'] as const,
      registers,
    });
    this.batches = new Counter({
      name: 'weir_sink_batches_total',
      help: 'Batches inserted and acknowledged.',
      registers,
    });
    this.duplicates = new Counter({
      name: 'weir_sink_duplicate_entries_total',
      help: 'Entries that came a second time and were dropped.',
      registers,
    });
    this.alreadyThere = new Counter({
      name: 'weir_sink_known_rows_total',
      help: 'Rows that ClickHouse had already, found after a restart.',
      registers,
    });
    this.deadLetters = new Counter({
      name: 'weir_sink_dead_letters_total',
      help: 'Entries or messages that could not be read, set aside with the reason.',
      registers,
    });
    this.retriedLetters = new Counter({
      name: 'weir_sink_dead_letters_retried_total',
      help: 'Dead letters that were put through again: booked, still unreadable, gone, or failed.',
      labelNames: ['outcome'] as const,
      registers,
    });
    this.restarts = new Counter({
      name: 'weir_sink_restarts_total',
      help: 'Times the sink could not work, and began again from what was acknowledged.',
      registers,
    });
    this.failures = new Counter({
      name: 'weir_sink_insert_failures_total',
      help: 'Inserts that failed, or whose outcome was unknown at first.',
      registers,
    });
    this.leaseFailures = new Counter({
      name: 'weir_sink_lease_failures_total',
      help: 'Times the lease could not be renewed or given up.',
      registers,
    });
    this.missingMessages = new Counter({
      name: 'weir_sink_missing_messages_total',
      help: 'Messages that JetStream no longer had when they were to be read: their facts are not in the ledger.',
      registers,
    });
    this.droppedChunks = new Counter({
      name: 'weir_sink_dropped_chunks_total',
      help: 'Parts of entries whose rest never came: the relay sent the entry again, or Redis was lost with it.',
      registers,
    });
    this.insertSeconds = new Histogram({
      name: 'weir_sink_insert_seconds',
      help: 'Time of one batch in ClickHouse.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    });
    this.lagSeconds = new Gauge({
      name: 'weir_sink_lag_seconds',
      help: 'Age of the oldest entry of the last batch when its rows were visible.',
      registers,
    });
  }
}
