import type { JetStreamManager } from 'nats';
import { Gauge, type Registry } from 'prom-client';
import { FACTS_STREAM, SINK_CONSUMER } from '../../engine/contract/subjects.js';
import { isNotFound } from './streams.js';

/** How full JetStream's stream of facts is, and how much of it the sink has not booked. */
export class StreamMetrics {
  readonly #bytes: Gauge;
  readonly #bytesMax: Gauge;
  readonly #messages: Gauge;
  readonly #pending: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#bytes = new Gauge({ name: 'weir_jetstream_bytes', help: 'Bytes in the stream of facts.', registers });
    this.#bytesMax = new Gauge({
      name: 'weir_jetstream_max_bytes',
      help: 'Bytes that the stream of facts may take; past them facts wait in the outbox. 0: no bound.',
      registers,
    });
    this.#messages = new Gauge({
      name: 'weir_jetstream_messages',
      help: 'Messages in the stream of facts, booked ones among them until they are purged.',
      registers,
    });
    this.#pending = new Gauge({
      name: 'weir_jetstream_pending_messages',
      help: 'Messages of facts that the sink has not acknowledged.',
      registers,
    });
  }

  /** @throws NatsError when JetStream cannot be asked. */
  async measure(manager: JetStreamManager): Promise<void> {
    const { state, config } = await manager.streams.info(FACTS_STREAM);
    this.#bytes.set(state.bytes);
    this.#bytesMax.set(Math.max(0, config.max_bytes));
    this.#messages.set(state.messages);
    try {
      const { num_pending, num_ack_pending } = await manager.consumers.info(FACTS_STREAM, SINK_CONSUMER);
      this.#pending.set(num_pending + num_ack_pending);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // No sink was ever here: all of it waits.
      this.#pending.set(state.messages);
    }
  }
}
