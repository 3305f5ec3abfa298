import type { JetStreamManager, NatsConnection, Subscription } from 'nats';
import { z } from 'zod';
import { DEAD_LETTER_RETRY_SUBJECT } from '../../engine/contract/subjects.js';
import type { Logger } from '../../engine/platform/log.js';
import type { SinkEntry } from './batch.js';
import { DeadLetters, entryOf, type StoredLetter } from './dead-letters.js';
import { unpackMessage } from './message-reader.js';
import type { SinkMetrics } from './metrics.js';
import type { Sink } from './sink.js';

export const retryRequestSchema = z.strictObject({ id: z.int().min(1) });

/** What became of a dead letter that was put through again. */
export const retryAnswerSchema = z.discriminatedUnion('status', [
  /** It is in the ledger, once, and gone from the dead letters; `rows` are those that were not there before. */
  z.strictObject({ status: z.literal('booked'), rows: z.int().min(0) }),
  /** It stays where it is. */
  z.strictObject({ status: z.literal('unreadable'), reason: z.string() }),
  /** There is no such letter. */
  z.strictObject({ status: z.literal('gone') }),
  /** The sink stopped meanwhile, or NATS failed: ask again. */
  z.strictObject({ status: z.literal('failed'), reason: z.string() }),
]);
export type RetryAnswer = z.output<typeof retryAnswerSchema>;

export interface RetryDependencies {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly sink: Pick<Sink, 'bookAgain'>;
  readonly metrics: Pick<SinkMetrics, 'retriedLetters'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Puts dead letters through again when the control plane asks. The sink does it, since it alone inserts: a letter's
 * entries are booked under the identity that they had in the outbox, so that rows are taken once however often this is
 * asked for. A letter is removed after its rows are in: when the sink dies in between, the next time finds them.
 */
export function answerRetries(dependencies: RetryDependencies): Subscription {
  const { nats, manager, sink, metrics, log } = dependencies;
  const letters = new DeadLetters(manager);
  return nats.subscribe(DEAD_LETTER_RETRY_SUBJECT, {
    callback: (error, message) => {
      if (error !== null) return;
      void retry(letters, sink, message.data).then((answer) => {
        metrics.retriedLetters.inc({ outcome: answer.status });
        log.info({ answer }, 'a dead letter was put through again');
        message.respond(Buffer.from(JSON.stringify(answer)));
      });
    },
  });
}

async function retry(letters: DeadLetters, sink: Pick<Sink, 'bookAgain'>, request: Uint8Array): Promise<RetryAnswer> {
  try {
    const { id } = retryRequestSchema.parse(JSON.parse(Buffer.from(request).toString('utf8')));
    const letter = await letters.read(id);
    if (letter === undefined) return { status: 'gone' };
    const entries = entriesOf(letter);
    if (!Array.isArray(entries)) return entries;
    let rows = 0;
    for (const entry of entries) {
      const booked = await sink.bookAgain(entry);
      if ('reason' in booked) return { status: 'unreadable', reason: booked.reason };
      rows += booked.rows;
    }
    await letters.remove(letter);
    return { status: 'booked', rows };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: error instanceof RangeError ? 'unreadable' : 'failed', reason };
  }
}

/** The entries of a letter: itself, or what its message holds. */
function entriesOf(letter: StoredLetter): SinkEntry[] | Extract<RetryAnswer, { status: 'unreadable' }> {
  const bytes = Buffer.from(letter.bytes);
  const entry = entryOf(letter);
  const epoch = Number(letter.epoch);
  if (!Number.isSafeInteger(epoch) || epoch < 1 || letter.shard === '') {
    return { status: 'unreadable', reason: 'it does not say its shard and epoch' };
  }
  if (entry !== undefined) return [{ ...entry, bytes }];
  const read = unpackMessage(bytes, epoch, letter.shard);
  return read.kind === 'entries' ? [...read.entries] : { status: 'unreadable', reason: read.reason };
}
