import { AckPolicy, type Consumer, DeliverPolicy, type JetStreamManager, type JsMsg, type NatsConnection } from 'nats';
import { ALERTS_STREAM } from '../../engine/contract/subjects.js';
import type { Logger } from '../../engine/platform/log.js';
import { type Alert, alertSchema } from './alert.js';

const DISPATCH_CONSUMER = 'weir-alert-dispatch';
const RECORD_CONSUMER = 'weir-alert-record';
const MESSAGES_AHEAD_MAX = 100;
/** A process that died leaves alerts unacknowledged so long. */
const DISPATCH_WAIT_MS = 5_000;
/** An insert may wait for ClickHouse. */
const RECORD_WAIT_MS = 60_000;
const nanoseconds = (ms: number): number => ms * 1_000_000;

/** Reads alerts for one purpose, by a durable consumer of its own: each until its work has succeeded. */
class AlertReader {
  readonly #consumer: Consumer;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #signal: AbortSignal;

  constructor(consumer: Consumer, log: Pick<Logger, 'warn'>, signal: AbortSignal) {
    this.#consumer = consumer;
    this.#log = log;
    this.#signal = signal;
  }

  /** Until the signal aborts. What fails is read again after a while. @throws Error when the consumer is gone. */
  async run(work: (alert: Alert) => Promise<void>): Promise<void> {
    const messages = await this.#consumer.consume({
      max_messages: MESSAGES_AHEAD_MAX,
      abort_on_missing_resource: true,
    });
    const stop = (): void => void messages.close();
    this.#signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const message of messages) {
        if (this.#signal.aborted) return;
        void this.#handle(message, work);
      }
    } finally {
      this.#signal.removeEventListener('abort', stop);
    }
  }

  async #handle(message: JsMsg, work: (alert: Alert) => Promise<void>): Promise<void> {
    try {
      await work(alertSchema.parse(JSON.parse(Buffer.from(message.data).toString('utf8'))));
      message.ack();
    } catch (error) {
      if (!this.#signal.aborted) this.#log.warn({ error, sequence: message.seq }, 'an alert waits: it is read again');
      message.nak(DISPATCH_WAIT_MS);
    }
  }
}

interface ReaderOptions {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly log: Pick<Logger, 'warn'>;
  readonly signal: AbortSignal;
}

async function open({ nats, manager, log, signal }: ReaderOptions, name: string, waitMs: number): Promise<AlertReader> {
  await manager.consumers.add(ALERTS_STREAM, {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanoseconds(waitMs),
    max_ack_pending: 2 * MESSAGES_AHEAD_MAX,
  });
  return new AlertReader(await nats.jetstream().consumers.get(ALERTS_STREAM, name), log, signal);
}

/** Alerts that have no deliveries yet. */
export const openDispatch = (options: ReaderOptions): Promise<AlertReader> =>
  open(options, DISPATCH_CONSUMER, DISPATCH_WAIT_MS);

/** Alerts that are not in the log yet. */
export const openRecord = (options: ReaderOptions): Promise<AlertReader> =>
  open(options, RECORD_CONSUMER, RECORD_WAIT_MS);
