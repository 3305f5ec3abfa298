import type { JetStreamClient, JsMsg } from 'nats';
import { INSERT_ROWS_MIN } from '../../engine/contract/constants.js';
import { passFailPoint } from '../../engine/platform/fail-point.js';
import type { Lease } from '../../engine/platform/lease.js';
import type { Logger } from '../../engine/platform/log.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import { Batch, type SinkEntry } from './batch.js';
import { publishDeadLetter } from './dead-letter.js';
import type { FactsConsumer } from './facts-consumer.js';
import { Gate } from './gate.js';
import { entryKey, HighWater } from './identities.js';
import type { Inserter } from './insert.js';
import { MessageReader } from './message-reader.js';
import type { SinkMetrics } from './metrics.js';
import { insertRowsAfter, ROUND_MS_MIN, ROUND_MS_UNASKED, roundMsAfter } from './pace.js';
import { RoundTrace } from './round-trace.js';

/** A batch with what must happen once its rows are in. */
interface Round {
  readonly batch: Batch;
  /** The last message whose entries are all in this or earlier rounds: acknowledges everything before it as well. */
  last: JsMsg | undefined;
  letters: Promise<void>[];
  /** Of those who wait for it. */
  tickets: Ticket[];
  /** An entry was put through again in it, besides what JetStream sent. */
  again: boolean;
  /** Undefined where nothing is traced. */
  readonly trace: RoundTrace | undefined;
}

/** Tells whoever waits for a round that its rows are in. */
interface Ticket {
  inserted: boolean;
}

export interface SinkOptions {
  readonly js: JetStreamClient;
  readonly consumer: FactsConsumer;
  readonly inserter: Inserter;
  readonly lease: Pick<Lease, 'held'>;
  readonly metrics: SinkMetrics;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly signal: AbortSignal;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/**
 * Carries facts from JetStream into ClickHouse. The steps, and what is left behind when the process dies, or one fails:
 *
 *  1 take over      the lease, then ClickHouse's fence; inserts of an earlier sink are over from here on
 *  2 read           in order from the first message that was not acknowledged; an entry at or before one that this
 *                   sink has read already is a repeat by the relay, and dropped
 *                   → unreadable: published to the dead letters before the round is acknowledged
 *  3 look up        with the first entry of a shard: the greatest one of which ClickHouse has rows. Entries up to it may
 *                   be there in whole or in part, so their rows are asked for and only missing ones taken; later ones
 *                   are new, whatever JetStream sends
 *  4 insert         one insert for each table and month
 *                   → fails, or the answer is lost: ask which rows are there, insert the rest (insert.ts)
 *                   → dies: after the restart the messages come again, and 3 finds their rows
 *  5 acknowledge    → fails or dies: the same
 *
 * While one round is inserted the next is read; memory holds two rounds and what JetStream sent ahead.
 */
export class Sink {
  readonly #options: SinkOptions;
  readonly #reader = new MessageReader((chunks) => this.#options.metrics.droppedChunks.inc(chunks));
  readonly #read = new HighWater();
  readonly #change = new Gate();
  readonly #inserted = new HighWater();
  /** Entries that were put through again before this sink came to them: JetStream may send them yet. */
  readonly #bookedAgain = new Set<string>();
  #open: Round;
  #spare: Round | undefined;
  #inFlight: Round | undefined;
  /** One thing reads into a batch at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** From the take-over until everything read is inserted. */
  #working = false;
  #ending = false;
  /** Of a round. */
  #rowsMax = INSERT_ROWS_MIN;
  #failure: unknown;

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#open = newRound(options.tracing);
    this.#spare = newRound(options.tracing);
  }

  /**
   * Works until the signal aborts, and then finishes and acknowledges what it has read; or until the lease is lost.
   * @throws Error when NATS or ClickHouse fail in a way that needs a new start.
   */
  async run(onReady?: () => void): Promise<void> {
    const { inserter, consumer, signal, log } = this.#options;
    await inserter.takeOver();
    passFailPoint('sink 1 taken over');
    let floor = await consumer.acknowledged();
    this.#working = true;
    const rounds = this.#insertRounds().catch((error: unknown) => {
      this.#failure = error;
      this.#change.open();
      consumer.end();
    });
    const stop = (): void => consumer.end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (this.#active) {
        await consumer.open(floor);
        if (!this.#active) break;
        onReady?.();
        for await (const message of consumer.read(floor)) {
          await this.#inTurn(() => this.#take(message));
          floor = message.seq;
          if (!this.#active) break;
        }
        if (!this.#active) break;
        log.warn({ floor }, 'JetStream left a message out, or the connection was lost: reading again from there');
        await this.#untilInserted();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      consumer.end();
      this.#ending = true;
      this.#change.open();
      await rounds;
      this.#working = false;
      this.#change.open();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Books an entry that an earlier sink could not read, with the next round; rows that ClickHouse has are left out.
   * @returns how many rows went in, once they are in, or why it still cannot be read.
   * @throws Error when this sink stops before that: then ask again.
   */
  async bookAgain(entry: SinkEntry): Promise<{ readonly rows: number } | { readonly reason: string }> {
    this.#assertWorking();
    const ticket = newTicket();
    const added = await this.#inTurn(async () => {
      // What JetStream sent of it meanwhile has no rows yet that could be asked for.
      if (this.#isUnderWay(entry)) this.#hurry(this.#open);
      while (this.#isUnderWay(entry)) await this.#untilChange();
      const known = await this.#options.inserter.knownRows([entry]);
      this.#assertWorking();
      const { batch } = this.#open;
      const rows = batch.rows;
      const reason = batch.add(entry, known);
      if (reason !== undefined) return { reason };
      this.#open.again = true;
      this.#hurry(this.#open, ticket);
      if (!this.#read.covers(entry)) this.#bookedAgain.add(entryKey(entry));
      return { rows: batch.rows - rows };
    });
    if ('rows' in added) await this.#untilInsertedFor(ticket);
    return added;
  }

  /**
   * Resolves once ClickHouse has all that this sink has read by now.
   * @throws Error when this sink stops before that.
   */
  async catchUp(): Promise<void> {
    this.#assertWorking();
    const round = this.#hasWork ? this.#open : this.#inFlight;
    if (round === undefined) return;
    const ticket = newTicket();
    this.#hurry(round, ticket);
    await this.#untilInsertedFor(ticket);
  }

  /** Somebody waits for a round. */
  #hurry(round: Round, ticket = newTicket()): void {
    round.tickets.push(ticket);
    this.#change.open();
  }

  async #untilInsertedFor(ticket: Ticket): Promise<void> {
    while (!ticket.inserted) await this.#untilChange();
  }

  #isUnderWay(entry: SinkEntry): boolean {
    const key = entryKey(entry);
    return [this.#open, this.#inFlight].some((round) => round?.batch.entries.some((each) => entryKey(each) === key));
  }

  #assertWorking(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#working) throw new Error('this sink does not work yet, or no longer');
  }

  async #untilChange(): Promise<void> {
    this.#assertWorking();
    await this.#change.wait();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    // Whoever asked for the work hears of its failure.
    this.#turn = result.catch(() => undefined);
    return result;
  }

  get #hasWork(): boolean {
    return this.#open.last !== undefined || this.#open.again;
  }

  get #active(): boolean {
    return !this.#options.signal.aborted && this.#options.lease.held && this.#failure === undefined;
  }

  async #take(message: JsMsg): Promise<void> {
    while (this.#open.batch.rows >= this.#rowsMax && this.#failure === undefined) await this.#change.wait();
    this.#open.trace?.take(message);
    const read = this.#reader.read(message);
    passFailPoint('sink 2 read');
    if (read.kind === 'unreadable') this.#setAside(message, message.data, read.reason, String(message.seq));
    if (read.kind === 'entries') await this.#takeEntries(message, read.entries);
    // A message with the beginning of an entry is acknowledged with the one that ends it.
    if (!this.#reader.incomplete) this.#open.last = message;
    this.#change.open();
  }

  async #takeEntries(message: JsMsg, entries: readonly SinkEntry[]): Promise<void> {
    const { inserter, metrics } = this.#options;
    const again = this.#bookedAgain;
    const fresh = entries.filter(
      (entry) => !this.#read.covers(entry) && (again.size === 0 || !again.has(entryKey(entry))),
    );
    metrics.duplicates.inc(entries.length - fresh.length);
    const [first] = fresh;
    if (first !== undefined && !this.#read.knows(first)) {
      const greatest = await inserter.greatestFrom(first);
      if (greatest !== undefined) this.#inserted.raise(greatest);
      passFailPoint('sink 3 looked up');
    }
    const uncertain = fresh.filter((entry) => this.#inserted.covers(entry));
    const known = uncertain.length === 0 ? undefined : await inserter.knownRows(uncertain);
    if (known !== undefined) metrics.alreadyThere.inc(known.size);
    for (const entry of fresh) {
      this.#read.raise(entry);
      const reason = this.#open.batch.add(entry, known);
      if (reason !== undefined) {
        const origin = `${message.seq}/${entry.shard}/${entry.outboxMs}-${entry.outboxSeq}`;
        this.#setAside(message, entry.bytes, reason, origin);
      }
    }
  }

  #setAside(message: JsMsg, bytes: Uint8Array, reason: string, origin: string): void {
    const { js, metrics, log } = this.#options;
    metrics.deadLetters.inc();
    log.error({ reason, origin }, 'something unreadable was set aside among the dead letters');
    const shard = message.headers?.get('weir-shard') ?? '';
    const epoch = message.headers?.get('weir-epoch') ?? '';
    const letter = publishDeadLetter(js, { bytes, reason, origin, shard, epoch });
    // Looked at when the round is acknowledged.
    letter.catch(() => undefined);
    this.#open.letters.push(letter);
  }

  /** Steps 4 and 5, round after round, until the reading has ended and everything read is inserted. */
  async #insertRounds(): Promise<void> {
    let startedAt = -ROUND_MS_UNASKED;
    let roundMs = ROUND_MS_MIN;
    const waitMs = (): number => {
      const { batch, tickets } = this.#open;
      if (this.#ending || batch.rows >= this.#rowsMax) return 0;
      return startedAt + (tickets.length > 0 ? roundMs : ROUND_MS_UNASKED) - performance.now();
    };
    for (;;) {
      while (!this.#hasWork && !this.#ending) await this.#change.wait();
      for (let ms = waitMs(); ms > 0; ms = waitMs()) await this.#change.wait(ms);
      if (!this.#hasWork) return;
      const round = this.#open;
      startedAt = performance.now();
      this.#open = this.#spare ?? newRound(this.#options.tracing);
      this.#spare = undefined;
      this.#inFlight = round;
      this.#change.open();
      const { rows } = round.batch;
      await this.#insertRound(round);
      const insertMs = performance.now() - startedAt;
      roundMs = roundMsAfter(insertMs, rows);
      this.#rowsMax = insertRowsAfter(insertMs, rows);
      this.#inFlight = undefined;
      this.#spare = round;
      this.#change.open();
    }
  }

  async #insertRound(round: Round): Promise<void> {
    const { inserter, lease, metrics } = this.#options;
    const startedAt = performance.now();
    const insert = (): Promise<boolean> => inserter.insert(round.batch, () => lease.held);
    const done = await (round.trace === undefined ? insert() : round.trace.during(round.batch.rows, insert));
    if (!done) throw new Error('the lease was lost during an insert');
    await Promise.all(round.letters);
    passFailPoint('sink 5 before acknowledge');
    round.last?.ack();
    passFailPoint('sink 5 acknowledged');
    for (const ticket of round.tickets) ticket.inserted = true;
    metrics.insertSeconds.observe((performance.now() - startedAt) / 1_000);
    metrics.batches.inc();
    for (const block of round.batch.counts()) metrics.rows.inc({ table: block.table }, block.rows);
    const oldest = round.batch.entries[0];
    // An entry that is put through again says nothing about the way of facts.
    if (oldest !== undefined && !round.again) metrics.lagSeconds.set(Math.max(0, Date.now() - oldest.outboxMs) / 1_000);
    round.batch.clear();
    round.letters = [];
    round.tickets = [];
    round.again = false;
    round.last = undefined;
  }

  async #untilInserted(): Promise<void> {
    this.#hurry(this.#open);
    while ((this.#open.last !== undefined || this.#spare === undefined) && this.#failure === undefined) {
      await this.#change.wait();
    }
  }
}

const newTicket = (): Ticket => ({ inserted: false });

function newRound(tracing: Tracing | undefined): Round {
  const trace = tracing === undefined ? undefined : new RoundTrace(tracing);
  return { batch: new Batch(), last: undefined, letters: [], tickets: [], again: false, trace };
}
