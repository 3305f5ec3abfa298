import { DiscardPolicy, type JetStreamManager, NatsError, RetentionPolicy, StorageType, type StreamConfig } from 'nats';
import {
  ALERTS_CONSUMER,
  DEAD_LETTER_STREAM,
  DEAD_LETTER_SUBJECT,
  FACTS_STREAM,
  FACTS_SUBJECTS,
} from '../../engine/contract/subjects.js';

/** Bytes that WEIR_FACTS may take: some 40 million facts. Past it JetStream refuses, and facts wait in the outbox. */
export const FACTS_BYTES_MAX = 4 * 1024 ** 3;
/** Part of it from which on messages that every consumer has acknowledged are purged, oldest first. */
export const PURGE_FROM = 0.5;
/** Part of it from which on no more is kept for alerts: they look at the counters then, and usage must not be refused for them. */
export const PURGE_UNALERTED_FROM = 0.75;
/** Dead letters are kept until someone looks. Past it the sink stops before what cannot be read, rather than lose it. */
export const DEAD_LETTER_BYTES_MAX = 256 * 1024 ** 2;
/** How long JetStream knows the id of a message; past it the outbox ids recognise a second one. */
export const DUPLICATE_WINDOW_MS = 2 * 60 * 1_000;

const STREAM_BYTES_MIN = 64 * 1024 ** 2;
/** JetStream's error code for more bytes than it has left. */
const INSUFFICIENT_STORAGE = 10_047;

const nanoseconds = (ms: number): number => ms * 1_000_000;

/**
 * WEIR_FACTS keeps messages until they are acknowledged and room is needed, never by age: `discard: new` refuses what
 * does not fit, so that an unread fact is never thrown away; `purgeAcknowledged` makes room. Dead letters likewise.
 */
const STREAMS: readonly Partial<StreamConfig>[] = [
  {
    name: FACTS_STREAM,
    subjects: [FACTS_SUBJECTS],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_bytes: FACTS_BYTES_MAX,
    duplicate_window: nanoseconds(DUPLICATE_WINDOW_MS),
  },
  {
    name: DEAD_LETTER_STREAM,
    subjects: [DEAD_LETTER_SUBJECT],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_bytes: DEAD_LETTER_BYTES_MAX,
    duplicate_window: nanoseconds(DUPLICATE_WINDOW_MS),
  },
];

/** True for JetStream's answer that a stream, consumer or message does not exist. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof NatsError && (error.api_error?.code === 404 || error.code === '404');

/** Makes the streams that do not exist. One that exists keeps its limits: an operator may have set others. */
export async function ensureStreams(manager: JetStreamManager): Promise<void> {
  for (const stream of STREAMS) {
    try {
      await manager.streams.info(String(stream.name));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await addStream(manager, stream);
    }
  }
}

/**
 * On a small disk JetStream refuses to promise so many bytes: then it is asked for half, down to 64 MiB, and half of
 * what it had left is given back for others.
 */
async function addStream(manager: JetStreamManager, stream: Partial<StreamConfig>): Promise<void> {
  const wanted = stream.max_bytes ?? STREAM_BYTES_MIN;
  for (let bytes = wanted; ; bytes /= 2) {
    try {
      await manager.streams.add({ ...stream, max_bytes: bytes });
      if (bytes < wanted) await manager.streams.update(String(stream.name), { ...stream, max_bytes: bytes / 2 });
      return;
    } catch (error) {
      const tooLarge = error instanceof NatsError && error.api_error?.err_code === INSUFFICIENT_STORAGE;
      if (!tooLarge || bytes / 2 < STREAM_BYTES_MIN) throw error;
    }
  }
}

/**
 * Purges from WEIR_FACTS what every durable consumer has acknowledged, when the stream is more than half full; from
 * three quarters on whatever alerts have not read. Without a consumer nothing is purged. Answers how many messages went.
 */
export async function purgeAcknowledged(manager: JetStreamManager): Promise<number> {
  const { state, config } = await manager.streams.info(FACTS_STREAM);
  if (config.max_bytes <= 0 || state.bytes < config.max_bytes * PURGE_FROM) return 0;
  const floors: number[] = [];
  const waitsForAlerts = state.bytes < config.max_bytes * PURGE_UNALERTED_FROM;
  for await (const consumer of manager.consumers.list(FACTS_STREAM)) {
    const name = consumer.config.durable_name;
    if (name === undefined || (name === ALERTS_CONSUMER && !waitsForAlerts)) continue;
    floors.push(consumer.ack_floor.stream_seq);
  }
  const floor = Math.min(...floors);
  // JetStream takes a purge before the first sequence for one of everything.
  if (floors.length === 0 || floor < 1) return 0;
  const { purged } = await manager.streams.purge(FACTS_STREAM, { seq: floor + 1 });
  return purged;
}
