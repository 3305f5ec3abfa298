import type { JetStreamClient, JetStreamManager } from 'nats';
import { DELIVERIES_STREAM, deliverySubject } from '../../engine/contract/subjects.js';
import { isNotFound } from '../sink/facts-consumer.js';
import { type Delivery, deliverySchema } from './delivery.js';
import { isMoved } from './streams.js';

const PUBLISH_MS_MAX = 5_000;

/** A delivery, and the sequence of the message that has its state. */
export interface StoredDelivery {
  readonly delivery: Delivery;
  readonly sequence: number;
}

/**
 * The deliveries that are under way, in JetStream: the last message of a subject is the state of its delivery. Whoever
 * writes names the message that it knows, so that of two processes only one goes on with a delivery.
 */
export class DeliveryStore {
  readonly #js: JetStreamClient;
  readonly #manager: JetStreamManager;

  constructor(js: JetStreamClient, manager: JetStreamManager) {
    this.#js = js;
    this.#manager = manager;
  }

  /**
   * Writes a state.
   * @param sequence of the state before; 0 for a delivery that is new.
   * @returns null where the delivery has another state by now, or exists already.
   * @throws NatsError when nobody knows.
   */
  async write(delivery: Delivery, sequence: number): Promise<StoredDelivery | null> {
    try {
      const ack = await this.#js.publish(deliverySubject(delivery.id), Buffer.from(JSON.stringify(delivery)), {
        timeout: PUBLISH_MS_MAX,
        expect: { streamName: DELIVERIES_STREAM, lastSubjectSequence: sequence },
      });
      return { delivery, sequence: ack.seq };
    } catch (error) {
      if (isMoved(error)) return null;
      throw error;
    }
  }

  /** The state of a delivery; undefined when it is long over, or was never made. */
  async read(id: string): Promise<StoredDelivery | undefined> {
    return await this.#get({ last_by_subj: deliverySubject(id) });
  }

  /** All of them, in the order of their states. */
  async *all(): AsyncGenerator<StoredDelivery> {
    for (let next = 1; ; ) {
      const stored = await this.#get({ seq: next, next_by_subj: deliverySubject('*') });
      if (stored === undefined) return;
      yield stored;
      next = stored.sequence + 1;
    }
  }

  /** Forgets a delivery that is over and logged; one that has another state by now is left. */
  async remove({ sequence }: StoredDelivery): Promise<void> {
    try {
      await this.#manager.streams.deleteMessage(DELIVERIES_STREAM, sequence, false);
    } catch (error) {
      const there = await this.#get({ seq: sequence, next_by_subj: deliverySubject('*') });
      if (there?.sequence === sequence) throw error;
    }
  }

  async #get(
    query: { last_by_subj: string } | { seq: number; next_by_subj: string },
  ): Promise<StoredDelivery | undefined> {
    try {
      const message = await this.#manager.streams.getMessage(DELIVERIES_STREAM, query);
      const delivery = deliverySchema.parse(JSON.parse(Buffer.from(message.data).toString('utf8')));
      return { delivery, sequence: message.seq };
    } catch (error) {
      if (isNotFound(error) || (error instanceof Error && /no message found/i.test(error.message))) return undefined;
      throw error;
    }
  }
}
