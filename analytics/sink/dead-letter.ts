import { headers, type JetStreamClient } from 'nats';
import { MESSAGE_BYTES_MAX } from '../../engine/contract/constants.js';
import { EPOCH_HEADER, SHARD_HEADER } from '../../engine/contract/fact.js';
import { CHUNK_HEADER, LENGTH_HEADER, ORIGIN_HEADER, REASON_HEADER } from '../../engine/contract/message.js';
import { DEAD_LETTER_SUBJECT } from '../../engine/contract/subjects.js';

/** Something that cannot be booked, with all that is known of it. */
export interface DeadLetter {
  readonly bytes: Uint8Array;
  readonly reason: string;
  /** Where it stood: the sequence in WEIR_FACTS, and the outbox id where one is known. */
  readonly origin: string;
  readonly shard: string;
  readonly epoch: string;
}

const REASON_CHARS_MAX = 500;

/**
 * Sets something unreadable aside. Its origin is its id, so that setting it aside again within JetStream's duplicate
 * window changes nothing.
 * @throws NatsError when JetStream does not take it: then its message must not be acknowledged.
 */
export async function publishDeadLetter(js: JetStreamClient, letter: DeadLetter): Promise<void> {
  const parts = Math.max(1, Math.ceil(letter.bytes.length / MESSAGE_BYTES_MAX));
  for (let index = 0; index < parts; index++) {
    const header = headers();
    // A header is one line of printable text.
    header.set(REASON_HEADER, letter.reason.replace(/[^\x20-\x7e]+/g, ' ').slice(0, REASON_CHARS_MAX));
    header.set(ORIGIN_HEADER, letter.origin);
    header.set(SHARD_HEADER, letter.shard);
    header.set(EPOCH_HEADER, letter.epoch);
    header.set(LENGTH_HEADER, String(letter.bytes.length));
    if (parts > 1) header.set(CHUNK_HEADER, `${index}/${parts}`);
    const bytes = letter.bytes.subarray(index * MESSAGE_BYTES_MAX, (index + 1) * MESSAGE_BYTES_MAX);
    await js.publish(DEAD_LETTER_SUBJECT, bytes, {
      headers: header,
      msgID: `${letter.epoch}/${letter.origin}/${index}`,
    });
  }
}
