import {
  AckPolicy,
  type ConsumerInfo,
  type ConsumerMessages,
  DeliverPolicy,
  Events,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  NatsError,
} from 'nats';
import { z } from 'zod';
import { JETSTREAM_ANSWER_MS_MAX } from '../../engine/contract/constants.js';
import { FACTS_STREAM, SINK_CONSUMER } from '../../engine/contract/subjects.js';
import type { Lease } from '../../engine/platform/lease.js';

/**
 * Messages that JetStream may send ahead of what was read, 512 KiB each at most. Not a bound in bytes: where what is
 * left of it is less than the next message, nats-server 2.9 refuses the pull and the client repeats it without pause.
 */
const AHEAD_MESSAGES_MAX = 64;
/** Unacknowledged messages; a batch holds fewer. */
const PENDING_MESSAGES_MAX = 20_000;
const ACK_WAIT_NS = 60_000 * 1_000_000;

const noteSchema = z.object({ created: z.string(), floor: z.int().min(0) });

/**
 * The last message of a consumer of ours that is dealt with. It is made anew behind what was acknowledged, and NATS calls
 * its floor 0 until it acknowledges something itself.
 */
export const acknowledgedThrough = ({ ack_floor, config }: Pick<ConsumerInfo, 'ack_floor' | 'config'>): number =>
  Math.max(ack_floor.stream_seq, (config.opt_start_seq ?? 1) - 1);

/**
 * The durable consumer of WEIR_FACTS, read strictly in order.
 *
 * JetStream sends what was not acknowledged again only after a while, and newer messages before it: after a crash the
 * new sink would read out of order, and take the older ones for duplicates. So at every start the consumer is made anew
 * at the first message that was not acknowledged, and so it is when a sequence is missing or the connection was lost.
 * The place is noted in the lease before, in case the process dies in between.
 */
export class FactsConsumer {
  readonly #nats: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #lease: Lease;
  readonly #name: string;
  readonly #onMissing: (messages: number) => void;
  #messages: ConsumerMessages | undefined;
  #created = '';
  #broken = false;
  #closed = false;

  /**
   * @param reader its durable name, the sink's or that of another reader with a lease and a place of its own; and who is
   *   told how many messages were purged before they were read.
   */
  constructor(
    nats: NatsConnection,
    manager: JetStreamManager,
    lease: Lease,
    reader: { readonly name?: string; readonly onMissing?: (messages: number) => void } = {},
  ) {
    this.#name = reader.name ?? SINK_CONSUMER;
    this.#onMissing = reader.onMissing ?? (() => undefined);
    this.#nats = nats;
    this.#manager = manager;
    this.#lease = lease;
    void this.#watchConnection();
  }

  /** What JetStream sent into a connection that broke is lost until its ack wait is over: read again instead. */
  async #watchConnection(): Promise<void> {
    for await (const status of this.#nats.status()) {
      if (this.#closed) return;
      if (status.type === Events.Reconnect) this.end();
    }
  }

  /** The last sequence that an earlier sink acknowledged, by the consumer and by the lease's note. */
  async acknowledged(): Promise<number> {
    const { created } = await this.#manager.streams.info(FACTS_STREAM);
    this.#created = created;
    const note = readNote(this.#lease.note);
    const noted = note?.created === created ? note.floor : 0;
    try {
      const info = await this.#manager.consumers.info(FACTS_STREAM, this.#name);
      return Math.max(noted, acknowledgedThrough(info));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return noted;
    }
  }

  /**
   * Makes the consumer anew after the sequence `floor`, which with everything before it must be inserted.
   * @throws Error when the stream is not the one that `acknowledged` saw.
   */
  async open(floor: number): Promise<void> {
    const { created } = await this.#manager.streams.info(FACTS_STREAM);
    // Its sequence began anew: where this sink stands means nothing in it.
    if (created !== this.#created) throw new Error(`the stream ${FACTS_STREAM} was made anew`);
    await this.#lease.write(JSON.stringify({ created, floor }));
    try {
      await this.#manager.consumers.delete(FACTS_STREAM, this.#name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    await this.#manager.consumers.add(FACTS_STREAM, {
      durable_name: this.#name,
      ack_policy: AckPolicy.All,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: floor + 1,
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: PENDING_MESSAGES_MAX,
    });
    const consumer = await this.#nats
      .jetstream({ timeout: JETSTREAM_ANSWER_MS_MAX })
      .consumers.get(FACTS_STREAM, this.#name);
    this.#broken = false;
    this.#messages = await consumer.consume({ max_messages: AHEAD_MESSAGES_MAX, abort_on_missing_resource: true });
  }

  /**
   * Messages after `floor`, without repeats or gaps, until `end` is called, the connection is lost, or JetStream left
   * one out: then `open` again after the last one that came.
   */
  async *read(floor: number): AsyncGenerator<JsMsg> {
    const messages = this.#messages;
    if (messages === undefined) return;
    let last = floor;
    let first = true;
    for await (const message of messages) {
      if (this.#broken) return;
      if (message.seq <= last) continue;
      // The first one may lie further on: what is missing before it was purged.
      if (!first && message.seq !== last + 1) return;
      if (first && message.seq !== last + 1) this.#onMissing(message.seq - last - 1);
      first = false;
      last = message.seq;
      yield message;
    }
  }

  /** Ends `read` now: what was sent ahead is not read. */
  end(): void {
    this.#broken = true;
    void this.#messages?.close();
    this.#messages = undefined;
  }

  /** Ends `read` for good. */
  close(): void {
    this.#closed = true;
    this.end();
  }
}

export const isNotFound = (error: unknown): boolean =>
  error instanceof NatsError && (error.api_error?.code === 404 || error.code === '404');

function readNote(text: string): z.output<typeof noteSchema> | undefined {
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
