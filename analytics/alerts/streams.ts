import { DiscardPolicy, type JetStreamManager, NatsError, RetentionPolicy, StorageType, type StreamConfig } from 'nats';
import { ALERTS_STREAM, alertSubject, DELIVERIES_STREAM, deliverySubject } from '../../engine/contract/subjects.js';
import { isNotFound } from '../sink/facts-consumer.js';

const DAY_MS = 24 * 3_600_000;
/** How long the stream knows an alert: longer than a month, so that only longer windows ask ClickHouse. */
const ALERTS_KEPT_MS = 40 * DAY_MS;
/** Some 400 000 alerts; past it the oldest are known to ClickHouse alone. */
const ALERTS_BYTES_MAX = 256 * 1024 ** 2;
/** Past it alerts wait in their stream. */
const DELIVERIES_BYTES_MAX = 256 * 1024 ** 2;
const STREAM_BYTES_MIN = 16 * 1024 ** 2;
/** JetStream's error code for more bytes than it has left. */
const INSUFFICIENT_STORAGE = 10_047;
/** JetStream's error code for an expected last sequence that is not the last one. */
const WRONG_LAST_SEQUENCE = 10_071;

const STREAMS: readonly Partial<StreamConfig>[] = [
  {
    name: ALERTS_STREAM,
    subjects: [alertSubject('*')],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_bytes: ALERTS_BYTES_MAX,
    max_age: ALERTS_KEPT_MS * 1_000_000,
  },
  {
    name: DELIVERIES_STREAM,
    subjects: [deliverySubject('*')],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_bytes: DELIVERIES_BYTES_MAX,
  },
];

/** Makes the streams of alerts that do not exist. One that exists keeps its limits: an operator may have set others. */
export async function ensureAlertStreams(manager: JetStreamManager): Promise<void> {
  for (const stream of STREAMS) {
    try {
      await manager.streams.info(String(stream.name));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await addStream(manager, stream);
    }
  }
}

/** On a small disk JetStream refuses to promise so many bytes: then it is asked for half. */
async function addStream(manager: JetStreamManager, stream: Partial<StreamConfig>): Promise<void> {
  for (let bytes = stream.max_bytes ?? STREAM_BYTES_MIN; ; bytes /= 2) {
    try {
      await manager.streams.add({ ...stream, max_bytes: bytes });
      return;
    } catch (error) {
      const tooLarge = error instanceof NatsError && error.api_error?.err_code === INSUFFICIENT_STORAGE;
      if (!tooLarge || bytes / 2 < STREAM_BYTES_MIN) throw error;
    }
  }
}

/** True where a publish named a last sequence that is not the last one any more. */
export const isMoved = (error: unknown): boolean =>
  error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_SEQUENCE;
