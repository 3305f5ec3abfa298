import { type JetStreamManager, NatsError, type StoredMsg } from 'nats';
import {
  CHUNK_HEADER,
  LENGTH_HEADER,
  ORIGIN_HEADER,
  parseChunk,
  REASON_HEADER,
} from '../../engine/contract/message.js';
import { DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECT, EPOCH_HEADER, SHARD_HEADER } from '../../engine/index.js';
import type { DeadLetter } from './dead-letter.js';
import type { EntryIdentity } from './fact-columns.js';
import { isNotFound } from './facts-consumer.js';

/** Messages that one listing or one letter looks at. */
const MESSAGES_READ_MAX = 5_000;
const PREVIEW_BYTES = 96;

/** A dead letter as it is listed. */
export interface ListedLetter {
  /** Its first message's sequence in the stream of dead letters. */
  readonly id: number;
  readonly at: string;
  readonly reason: string;
  readonly origin: string;
  readonly shard: string;
  readonly epoch: string;
  readonly bytes: number;
  /** How it begins, for eyes: what is not printable ASCII is a dot. */
  readonly preview: string;
}

/** A whole dead letter, and the messages that it lies in. */
export interface StoredLetter extends DeadLetter {
  readonly sequences: readonly number[];
}

/** The stream WEIR_DEAD_LETTERS, read and emptied. Every method throws NatsError when NATS is away. */
export class DeadLetters {
  readonly #manager: JetStreamManager;

  constructor(manager: JetStreamManager) {
    this.#manager = manager;
  }

  /** Letters in order after a sequence; `next` is undefined when there are no more. */
  async list(after: number, limit: number): Promise<{ rows: ListedLetter[]; next: number | undefined }> {
    const rows: ListedLetter[] = [];
    let last = after;
    for (let read = 0; read < MESSAGES_READ_MAX; read++) {
      const message = await this.#nextFrom(last + 1);
      if (message === undefined) return { rows, next: undefined };
      if (isFirstPart(message)) {
        if (rows.length === limit) return { rows, next: last };
        rows.push(listed(message));
      }
      last = message.seq;
    }
    return { rows, next: last };
  }

  /**
   * A letter by its id, put together again; undefined when there is none.
   * @throws RangeError when one of its parts is missing.
   */
  async read(id: number): Promise<StoredLetter | undefined> {
    const first = await this.#nextFrom(id);
    if (first?.seq !== id || !isFirstPart(first)) return undefined;
    const parts = [first];
    const count = parseChunk(first.header.get(CHUNK_HEADER))?.count ?? 1;
    let last = id;
    for (let read = 0; parts.length < count; read++) {
      const message = read < MESSAGES_READ_MAX ? await this.#nextFrom(last + 1) : undefined;
      if (message === undefined) throw new RangeError(`part ${parts.length} of ${count} is missing`);
      // The parts of letters that were set aside at the same time lie between each other.
      const isNext = parseChunk(message.header.get(CHUNK_HEADER))?.index === parts.length;
      if (isNext && placeOf(message) === placeOf(first)) parts.push(message);
      last = message.seq;
    }
    return {
      bytes: Buffer.concat(parts.map((part) => part.data)),
      reason: first.header.get(REASON_HEADER),
      origin: first.header.get(ORIGIN_HEADER),
      shard: first.header.get(SHARD_HEADER),
      epoch: first.header.get(EPOCH_HEADER),
      sequences: parts.map((part) => part.seq),
    };
  }

  /** Removes a letter; one that another has removed meanwhile is gone all the same. */
  async remove(letter: StoredLetter): Promise<void> {
    for (const sequence of letter.sequences) {
      try {
        await this.#manager.streams.deleteMessage(DEAD_LETTER_STREAM, sequence);
      } catch (error) {
        if (!isNotFound(error) && (await this.#nextFrom(sequence))?.seq === sequence) throw error;
      }
    }
  }

  /** Messages that wait. */
  async count(): Promise<number> {
    return (await this.#manager.streams.info(DEAD_LETTER_STREAM)).state.messages;
  }

  /** The first message at or after a sequence; undefined when there is none. */
  async #nextFrom(sequence: number): Promise<StoredMsg | undefined> {
    const query = { seq: sequence, next_by_subj: DEAD_LETTER_SUBJECT };
    try {
      return await this.#manager.streams.getMessage(DEAD_LETTER_STREAM, query);
    } catch (error) {
      if (isNotFound(error) || (error instanceof NatsError && error.api_error?.err_code === NO_MESSAGE))
        return undefined;
      throw error;
    }
  }
}

/** JetStream's error code for a message that is not there. */
const NO_MESSAGE = 10_037;

const isFirstPart = (message: StoredMsg): boolean => (parseChunk(message.header.get(CHUNK_HEADER))?.index ?? 0) === 0;

const placeOf = (message: StoredMsg): string =>
  `${message.header.get(EPOCH_HEADER)} ${message.header.get(ORIGIN_HEADER)}`;

function listed(message: StoredMsg): ListedLetter {
  const { header, data } = message;
  const length = Number(header.get(LENGTH_HEADER));
  return {
    id: message.seq,
    at: message.time.toISOString(),
    reason: header.get(REASON_HEADER),
    origin: header.get(ORIGIN_HEADER),
    shard: header.get(SHARD_HEADER),
    epoch: header.get(EPOCH_HEADER),
    // Letters of before the header lie in one message, but for the largest.
    bytes: length > 0 ? length : data.length,
    preview: Buffer.from(data.subarray(0, PREVIEW_BYTES))
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '.'),
  };
}

/** `sequence/shard/ms-seq`: the origin of one entry. That of a whole message is its sequence alone. */
const ENTRY_ORIGIN = /^\d+\/([a-z0-9]{1,16})\/(\d{1,15})-(\d{1,10})$/;

/** Which entry a letter is; undefined for a whole message. */
export function entryOf({ origin, epoch }: Pick<DeadLetter, 'origin' | 'epoch'>): EntryIdentity | undefined {
  const match = ENTRY_ORIGIN.exec(origin);
  if (match === null) return undefined;
  const [, shard = '', outboxMs, outboxSeq] = match;
  return { epoch: Number(epoch), shard, outboxMs: Number(outboxMs), outboxSeq: Number(outboxSeq) };
}
