import { headers, type JetStreamClient, type JetStreamManager, NatsError } from 'nats';
import { ByteWriter } from '../../engine/contract/bytes.js';
import { JETSTREAM_ANSWER_MS_MAX, MESSAGE_BYTES_MAX } from '../../engine/contract/constants.js';
import { EPOCH_HEADER, packEntry, SHARD_HEADER } from '../../engine/contract/fact.js';
import {
  CHUNK_HEADER,
  type MessageSpan,
  messageId,
  parseChunk,
  parseMessageId,
  TRACEPARENT_HEADER,
} from '../../engine/contract/message.js';
import { FACTS_STREAM, factsSubject } from '../../engine/contract/subjects.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import {
  formatOutboxId,
  OUTBOX_START,
  type OutboxEntryBytes,
  type OutboxId,
  parseOutboxId,
} from '../../engine/store/outbox.js';
import { isNotFound } from './streams.js';

/** Bytes that packEntry puts before an entry. */
const ENTRY_HEAD_BYTES = 16;

/** JetStream's error code for an expected last sequence that is not the last one. */
const WRONG_LAST_SEQUENCE = 10_071;

/** Where a subject stands: the sequence of its last message, and the last outbox entry that it has whole. */
export interface Position {
  readonly epoch: number;
  readonly through: OutboxId;
}

export type PublishOutcome = 'published' | 'duplicate' | 'moved';

/**
 * Publishes one shard's entries, one message at a time, each naming the sequence of the message before it. So the
 * stream has every entry in order and, as long as it exists, once: a message that lost its answer cannot be doubled,
 * nor can a second relay slip in between. One in flight a shard is enough: under load messages grow instead
 * (512 KiB hold some 4 000 facts).
 */
export class ShardPublisher {
  readonly #js: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #shard: string;
  readonly #subject: string;
  readonly #writer = new ByteWriter(64 * 1024);
  readonly #tracing: Tracing | undefined;
  #lastSequence = 0;

  constructor(js: JetStreamClient, manager: JetStreamManager, shard: string, tracing?: Tracing) {
    this.#js = js;
    this.#manager = manager;
    this.#shard = shard;
    this.#subject = factsSubject(shard);
    this.#tracing = tracing;
  }

  /**
   * Asks the stream where it stands; to be called at the start and after every failed publish.
   * @throws Error when the stream cannot be asked, or its last message is not one of a relay's.
   */
  async recover(): Promise<Position> {
    try {
      const last = await this.#manager.streams.getMessage(FACTS_STREAM, { last_by_subj: this.#subject });
      const span = parseMessageId(last.header.get('Nats-Msg-Id'));
      if (span === null) throw new Error(`the last message of ${this.#subject} has no id of a relay`);
      this.#lastSequence = last.seq;
      const chunk = parseChunk(last.header.get(CHUNK_HEADER));
      const whole = chunk === null || chunk.index === chunk.count - 1;
      return { epoch: span.epoch, through: whole ? parseOutboxId(span.last) : before(parseOutboxId(span.first)) };
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // No message: the subject is new, or all of it was purged, and then JetStream goes on from the sequence 0.
      this.#lastSequence = 0;
      return { epoch: 0, through: OUTBOX_START };
    }
  }

  /**
   * Publishes entries as one message, or one entry that is too large as several.
   * @returns 'moved' when the stream is not where this relay left it: call `recover` and begin again from there;
   *   'duplicate' when the stream had these very entries already (perhaps consumed and purged since): `recover` too.
   * @throws NatsError when the outcome is unknown (no answer, no stream): call `recover` and begin again.
   */
  async publish(epoch: number, entries: readonly OutboxEntryBytes[]): Promise<PublishOutcome> {
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) return 'published';
    this.#writer.reset();
    for (const { id, bytes } of entries) {
      packEntry(this.#writer, { outboxMs: id.ms, outboxSeq: id.seq, entry: bytes });
    }
    const body = this.#writer.take();
    const chunks = entries.length === 1 ? Math.max(1, Math.ceil(body.length / MESSAGE_BYTES_MAX)) : 1;
    const span = { epoch, shard: this.#shard, first: formatOutboxId(first.id), last: formatOutboxId(last.id) };
    for (let index = 0; index < chunks; index++) {
      const part = body.subarray(index * MESSAGE_BYTES_MAX, chunks === 1 ? undefined : (index + 1) * MESSAGE_BYTES_MAX);
      const chunk = chunks === 1 ? '' : `${index}/${chunks}`;
      const outcome = await this.#traced(span, entries.length, (traceparent) =>
        this.#send(part, epoch, messageId(span, index), chunk, traceparent),
      );
      if (outcome !== 'published') return outcome;
    }
    return 'published';
  }

  /** The message carries its span, for the sink; its place in the outbox tells which checks it has. */
  async #traced(
    { first, last }: MessageSpan,
    entries: number,
    send: (traceparent: string | undefined) => Promise<PublishOutcome>,
  ): Promise<PublishOutcome> {
    const tracing = this.#tracing;
    if (tracing === undefined) return send(undefined);
    const span = tracing.start(`publish ${FACTS_STREAM}`, {
      kind: 'producer',
      attributes: {
        'messaging.system': 'nats',
        'messaging.destination.name': this.#subject,
        'messaging.batch.message_count': entries,
        'weir.shard': this.#shard,
        'weir.outbox.first': first,
        'weir.outbox.last': last,
      },
    });
    try {
      const outcome = await send(tracing.traceparent(span));
      span.setAttribute('weir.outcome', outcome);
      span.end();
      return outcome;
    } catch (error) {
      tracing.fail(span, error instanceof NatsError ? error.code : 'unknown');
      throw error;
    }
  }

  async #send(
    body: Buffer,
    epoch: number,
    id: string,
    chunk: string,
    traceparent: string | undefined,
  ): Promise<PublishOutcome> {
    const header = headers();
    header.set(SHARD_HEADER, this.#shard);
    header.set(EPOCH_HEADER, String(epoch));
    if (chunk !== '') header.set(CHUNK_HEADER, chunk);
    if (traceparent !== undefined) header.set(TRACEPARENT_HEADER, traceparent);
    try {
      const ack = await this.#js.publish(this.#subject, body, {
        msgID: id,
        headers: header,
        // Then the outcome is unknown and the stream is asked.
        timeout: JETSTREAM_ANSWER_MS_MAX,
        expect: { streamName: FACTS_STREAM, lastSubjectSequence: this.#lastSequence },
      });
      // Its sequence says nothing about what came after it. A duplicate chunk only says that the entry began before.
      if (ack.duplicate) return chunk === '' ? 'duplicate' : 'moved';
      this.#lastSequence = ack.seq;
      return 'published';
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_SEQUENCE) return 'moved';
      throw error;
    }
  }
}

/** The greatest position before an id. */
function before(id: OutboxId): OutboxId {
  return id.seq > 0 ? { ms: id.ms, seq: id.seq - 1 } : { ms: id.ms - 1, seq: 0xffff_ffff };
}

/**
 * Splits entries, in order, into messages of at most MESSAGE_BYTES_MAX; an entry larger than that stands alone.
 */
export function splitIntoMessages(entries: readonly OutboxEntryBytes[]): OutboxEntryBytes[][] {
  const messages: OutboxEntryBytes[][] = [];
  let current: OutboxEntryBytes[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = ENTRY_HEAD_BYTES + entry.bytes.length;
    if (current.length > 0 && bytes + size > MESSAGE_BYTES_MAX) {
      messages.push(current);
      current = [];
      bytes = 0;
    }
    current.push(entry);
    bytes += size;
  }
  if (current.length > 0) messages.push(current);
  return messages;
}
