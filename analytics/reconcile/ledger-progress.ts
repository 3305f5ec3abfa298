import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { CATCH_UP_SUBJECT, type CounterPoint, FACTS_STREAM, SINK_CONSUMER, WeirError } from '../../engine/index.js';
import { acknowledgedThrough, isNotFound } from '../sink/facts-consumer.js';

const POLL_MS = 50;
/** Shorter than a client waits for an answer. */
const WAIT_MS_MAX = 20_000;

/** Knows how far the ledger is. */
export class LedgerProgress {
  readonly #nats: NatsConnection;
  readonly #isRelayed: (point: CounterPoint) => Promise<boolean>;
  #manager: JetStreamManager | undefined;

  constructor(nats: NatsConnection, isRelayed: (point: CounterPoint) => Promise<boolean>) {
    this.#nats = nats;
    this.#isRelayed = isRelayed;
  }

  /**
   * Waits until the ledger has all facts up to the point. The relay removes an entry from the outbox once JetStream has
   * it, and the sink, which is asked to go on, acknowledges a message once its rows are in: so when the outbox has nothing
   * up to the point any more, whatever the stream has by then is enough, and when the sink has acknowledged that, it is
   * there.
   * @throws WeirError `ledger_behind` after 20 s; NatsError when NATS is away.
   */
  async waitFor(point: CounterPoint): Promise<void> {
    const waitUntil = performance.now() + WAIT_MS_MAX;
    await until(waitUntil, 'the relay', () => this.#isRelayed(point));
    await this.waitForStream(waitUntil);
  }

  /**
   * Waits until the ledger has all that the stream has now. @param waitUntil as performance.now says; default in 20 s.
   * @throws WeirError `ledger_behind`; NatsError when NATS is away.
   */
  async waitForStream(waitUntil = performance.now() + WAIT_MS_MAX): Promise<void> {
    this.#manager ??= await this.#nats.jetstreamManager();
    const manager = this.#manager;
    const { state } = await manager.streams.info(FACTS_STREAM);
    await until(waitUntil, 'the sink', async () => {
      if ((await acknowledged(manager)) >= state.last_seq) return true;
      this.#nats.publish(CATCH_UP_SUBJECT);
      return false;
    });
  }
}

async function until(waitUntil: number, whom: string, reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) {
    if (performance.now() > waitUntil) throw new WeirError('ledger_behind', `waited for ${whom}`);
    await delay(POLL_MS);
  }
}

/** The last message of which everything is in ClickHouse; 0 while a sink that starts makes its consumer. */
async function acknowledged(manager: JetStreamManager): Promise<number> {
  try {
    return acknowledgedThrough(await manager.consumers.info(FACTS_STREAM, SINK_CONSUMER));
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}
