import type { JsMsg } from 'nats';
import { z } from 'zod';
import { CATALOG_SHARD, type CatalogView, OBJECT_TYPES } from '../../engine/index.js';
import type { Lease } from '../../engine/platform/lease.js';
import type { Logger } from '../../engine/platform/log.js';
import type { SinkEntry } from '../sink/batch.js';
import type { FactsConsumer } from '../sink/facts-consumer.js';
import { MessageReader } from '../sink/message-reader.js';
import type { Detector } from './detector.js';
import type { Raiser } from './raise.js';
import { EntryScanner, type QuotaCharge } from './scan-entry.js';

const changeSchema = z.object({ version: z.number(), type: z.enum(OBJECT_TYPES), id: z.string() });

export interface FactsWatchOptions {
  readonly consumer: Pick<FactsConsumer, 'acknowledged' | 'open' | 'read' | 'end'>;
  readonly detector: Detector;
  readonly raiser: Pick<Raiser, 'raise'>;
  /** Looks at the counters of a customer, or of all. */
  readonly sweep: (customer: string | 'all') => void;
  /** Brought to the version of a change before the change is looked at. */
  readonly catalog: Pick<CatalogView, 'version' | 'catchUp'>;
  readonly lease: Pick<Lease, 'held'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly signal: AbortSignal;
}

/**
 * Reads the stream of facts for crossings, and for changes of the catalog. A message is acknowledged once all alerts of
 * its charges are in their stream: whatever dies before reads it again, and raises nothing twice.
 */
export class FactsWatch {
  readonly #options: FactsWatchOptions;
  readonly #reader: MessageReader;
  readonly #scanner: EntryScanner;

  constructor(options: FactsWatchOptions) {
    this.#options = options;
    const { detector, log } = options;
    // What they crossed is found by a look at the counters.
    this.#reader = new MessageReader((chunks) => log.warn({ chunks }, 'facts whose rest never came'));
    this.#scanner = new EntryScanner((feature, limit, included) => detector.leastAmount(feature, limit, included));
  }

  /** Works until the signal aborts or the lease is lost. @throws Error when NATS or Redis fail: then start over. */
  async run(onReady: () => void): Promise<void> {
    const { consumer, signal, log } = this.#options;
    const stop = (): void => consumer.end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      let floor = await consumer.acknowledged();
      while (this.#active) {
        await consumer.open(floor);
        onReady();
        for await (const message of consumer.read(floor)) {
          // What was purged before it was read is in the counters all the same.
          if (floor > 0 && message.seq > floor + 1) this.#options.sweep('all');
          await this.#take(message);
          if (!this.#reader.incomplete) message.ack();
          floor = message.seq;
          if (!this.#active) break;
        }
        if (this.#active) log.warn({ floor }, 'the stream of facts broke off: reading again from there');
      }
    } finally {
      signal.removeEventListener('abort', stop);
      consumer.end();
    }
  }

  get #active(): boolean {
    return !this.#options.signal.aborted && this.#options.lease.held;
  }

  async #take(message: JsMsg): Promise<void> {
    const read = this.#reader.read(message);
    if (read.kind !== 'entries') return;
    const charges: QuotaCharge[] = [];
    for (const entry of read.entries) {
      if (entry.shard === CATALOG_SHARD) await this.#takeChange(entry);
      else charges.push(...this.#scan(entry));
    }
    await this.#options.raiser.raise(charges);
  }

  /** An entry that cannot be read is the sink's to set aside. */
  #scan(entry: SinkEntry): readonly QuotaCharge[] {
    try {
      return this.#scanner.scan(entry.bytes);
    } catch {
      return [];
    }
  }

  /** A change of a customer is looked at alone; one of plans, add-ons and what they name may touch everybody. */
  async #takeChange(entry: SinkEntry): Promise<void> {
    const change = changeSchema.safeParse(parseJson(entry.bytes));
    if (!change.success || change.data.type === 'key') return;
    const { version, type, id } = change.data;
    const { catalog } = this.#options;
    // A large document is one version with a change for each of its customers.
    if (catalog.version < version) await catalog.catchUp();
    if (type === 'customer') {
      this.#options.sweep(id);
      return;
    }
    this.#options.detector.forget();
    this.#scanner.forget();
    this.#options.sweep('all');
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
