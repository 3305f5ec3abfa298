import { setTimeout as delay } from 'node:timers/promises';
import { MESSAGE_BYTES_MAX } from '../../engine/contract/constants.js';
import { passFailPoint } from '../../engine/platform/fail-point.js';
import type { Lease } from '../../engine/platform/lease.js';
import type { Logger } from '../../engine/platform/log.js';
import {
  compareOutboxIds,
  laterOutboxId,
  OUTBOX_START,
  type Outbox,
  type OutboxEntryBytes,
  type OutboxId,
} from '../../engine/store/outbox.js';
import type { RelayMetrics } from './metrics.js';
import { type ShardPublisher, splitIntoMessages } from './publish.js';

/** Entries of one read: as many as fill a message, by the size of those before. */
const READ_ENTRIES_MIN = 16;
const READ_ENTRIES_MAX = 1_024;
/** How long a read waits for an entry; the loop looks at its stop signal in between. */
const READ_BLOCK_MS = 1_000;
/**
 * Least time between two reads. A lone fact goes out at once; a steady trickle goes out ten times a second and not
 * thousands of times, since each time costs Redis, NATS, the sink and this process some 2 ms of CPU together.
 */
const READ_PACE_MS = 100;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 2_000;

/** What differs between a shard's outbox and the catalog's. */
export interface RelaySource {
  readonly shard: string;
  readonly outbox: Outbox;
  /** The epoch in force; null while Redis is uninitialised. */
  epoch(): Promise<number | null>;
  /** Where an earlier relay stopped, for a stream that is not emptied; OUTBOX_START otherwise. */
  resumeFrom(): Promise<OutboxId>;
  /** Called after JetStream has acknowledged everything up to and including `through`. */
  acknowledge(through: OutboxId): Promise<void>;
}

export interface ShardRelayOptions {
  readonly source: RelaySource;
  readonly publisher: ShardPublisher;
  readonly lease: Pick<Lease, 'held'>;
  readonly metrics: RelayMetrics;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly signal: AbortSignal;
}

/**
 * Carries one outbox to JetStream, in order. The steps, and what is left behind when the process dies, or one fails:
 *
 *  1 recover      ask the stream for its last message of this shard: its sequence, and the last outbox entry it has
 *                 → fails: nothing was done; tried again
 *  2 read         entries after that, by a blocking read on a connection of its own
 *                 → fails: nothing was done; from 1 again
 *  3 epoch        read again: entries read while the epoch changed belong to nobody knows which
 *                 → changed: from 1 again under the new one, nothing was published
 *  4 publish      packed up to 512 KiB, each message naming the sequence of the one before
 *                 → the answer is lost, or the stream moved on: from 1 again, and what the stream has is skipped
 *  5 acknowledge  only now the entries leave the outbox
 *                 → fails: they are read again after 1, which skips them; if the stream was purged or made anew in
 *                   between they are published twice, and the sink recognises them by their outbox ids
 *
 * Two relays at once (a lease that ran out under a stopped process) cannot double or reorder: step 4 is a
 * compare-and-set, and step 5 removes only what the stream has.
 */
export class ShardRelay {
  readonly #options: ShardRelayOptions;

  constructor(options: ShardRelayOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts or the lease is lost. Never throws: every failure is logged, counted and retried. */
  async run(): Promise<void> {
    const { source, log, metrics } = this.#options;
    let retryMs = RETRY_MS_MIN;
    let acknowledged: Mark | undefined;
    while (this.#active) {
      try {
        const epoch = await source.epoch();
        if (epoch !== null) {
          acknowledged = await this.#recover(epoch, acknowledged);
          acknowledged = await this.#carry(acknowledged, () => {
            retryMs = RETRY_MS_MIN;
          });
          continue;
        }
      } catch (error) {
        if (!this.#active) return;
        metrics.failures.inc({ shard: source.shard });
        log.warn({ shard: source.shard, error, retryMs }, 'the relay starts over from where the stream stands');
      }
      await delay(retryMs, undefined, { signal: this.#options.signal }).catch(() => undefined);
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
    }
  }

  get #active(): boolean {
    return !this.#options.signal.aborted && this.#options.lease.held;
  }

  /** Step 1. What this relay knows as acknowledged counts too: the stream may have been purged since. */
  async #recover(epoch: number, acknowledged: Mark | undefined): Promise<Mark> {
    const { source, publisher } = this.#options;
    const position = await publisher.recover();
    passFailPoint('relay 1 recovered');
    if (position.epoch > epoch) {
      throw new Error(`the stream has epoch ${position.epoch} of ${source.shard}, Redis has ${epoch}`);
    }
    let through = position.epoch === epoch ? position.through : OUTBOX_START;
    if (acknowledged?.epoch === epoch) through = laterOutboxId(through, acknowledged.through);
    through = laterOutboxId(through, await source.resumeFrom());
    if (compareOutboxIds(through, OUTBOX_START) > 0) await source.acknowledge(through);
    return { epoch, through };
  }

  /** Steps 2 to 5, until the stream or the epoch turns out to be somewhere else. */
  async #carry(from: Mark, progress: () => void): Promise<Mark> {
    const { source, publisher, metrics, signal } = this.#options;
    let through = from.through;
    let readAt = 0;
    let count = READ_ENTRIES_MIN;
    while (this.#active) {
      const pauseMs = readAt + READ_PACE_MS - performance.now();
      if (pauseMs > 1) await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      readAt = performance.now();
      const entries = await source.outbox.readAfter(through, count, READ_BLOCK_MS);
      if (entries.length === 0) continue;
      passFailPoint('relay 2 read');
      if ((await source.epoch()) !== from.epoch) return from;
      passFailPoint('relay 3 same epoch');
      for (const message of splitIntoMessages(entries)) {
        if (!this.#active) return { epoch: from.epoch, through };
        const observe = metrics.publishSeconds.startTimer({ shard: source.shard });
        const outcome = await publisher.publish(from.epoch, message);
        observe();
        passFailPoint('relay 4 published');
        if (outcome === 'moved') return { epoch: from.epoch, through };
        through = message.at(-1)?.id ?? through;
        if (outcome === 'duplicate') return { epoch: from.epoch, through };
        this.#count(message, metrics);
        await source.acknowledge(through);
        passFailPoint('relay 5 acknowledged');
        progress();
      }
      // A full read means that more waits: under load the pace is set by the publishes alone.
      if (entries.length === count) readAt = 0;
      count = entriesOfMessage(entries);
    }
    return { epoch: from.epoch, through };
  }

  #count(message: readonly OutboxEntryBytes[], metrics: RelayMetrics): void {
    const shard = this.#options.source.shard;
    metrics.entries.inc({ shard }, message.length);
    metrics.messages.inc({ shard });
    metrics.bytes.inc(
      { shard },
      message.reduce((sum, entry) => sum + entry.bytes.length, 0),
    );
  }
}

/** How many entries of the mean size of these fill a message. */
function entriesOfMessage(entries: readonly OutboxEntryBytes[]): number {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
  const filling = Math.floor((MESSAGE_BYTES_MAX * entries.length) / bytes);
  return Math.min(Math.max(filling, READ_ENTRIES_MIN), READ_ENTRIES_MAX);
}

interface Mark {
  readonly epoch: number;
  readonly through: OutboxId;
}

/** A shard's outbox: entries leave it when they are acknowledged. */
export function shardSource(shard: string, outbox: Outbox, epoch: () => Promise<number | null>): RelaySource {
  return {
    shard,
    outbox,
    epoch,
    resumeFrom: async () => OUTBOX_START,
    acknowledge: async (through) => void (await outbox.removeThrough(through)),
  };
}
