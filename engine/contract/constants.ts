/**
 * Every bound of the system, in one place, with the relations between them asserted when the module loads.
 * Units come last in the names: Max counts, Bytes, Ms.
 */

/** Largest amount, counter and bucket level: 2^53 − 1, the largest integer a double holds exactly. */
export const AMOUNT_MAX = Number.MAX_SAFE_INTEGER;
/** Decimal places a meter may have. */
export const SCALE_MAX = 9;

/** Ids of customers, features, events …: 1 to 256 printable characters. */
export const ID_CHARS_MAX = 256;

/** Parts (meter, amount) of one event. */
export const EVENT_PARTS_MAX = 16;
/** Limits of one metered feature, add-ons included. */
export const FEATURE_LIMITS_MAX = 16;
/** Grants of one customer. */
export const GRANTS_MAX = 64;
/** Entities below one customer, and how deep they may nest. */
export const ENTITIES_MAX = 1_000;
export const ENTITY_DEPTH_MAX = 5;
/** Percents in one quota's `warnAt`; the reply carries them as a 16-bit mask. */
export const WARN_AT_MAX = 16;
/** Dimensions of one meter, and characters of one dimension's value. */
export const DIMENSIONS_MAX = 16;
export const DIMENSION_CHARS_MAX = 256;

/** Characters of the reason of a void. */
export const VOID_REASON_CHARS_MAX = 256;
/** How often one event may have been charged (each time after its id was forgotten) for one void to take it back. */
export const VOID_CHARGES_MAX = 100;

/** Checks in one `/v1/check/batch`. */
export const CHECK_BATCH_MAX = 1_000;
/** Checks in one atomic batch. */
export const ATOMIC_BATCH_MAX = 100;
/** Events in one `/v1/events`. */
export const EVENT_BATCH_MAX = 10_000;

/** Body of an ingest request, on the wire and unpacked. */
export const EVENT_BODY_BYTES_MAX = 10 * 1024 * 1024;
/** Body of any other request. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Bodies past this size are decoded in the Piscina pool, so that a large import never delays a check. */
export const INLINE_BODY_BYTES_MAX = 64 * 1024;

/** Shards of a new catalog. A batch goes faster in one call than in several, but one shard has one master. */
export const SINGLE_SHARDS = 1;
export const CLUSTER_SHARDS = 16;
/** Operations in one call of the commit script. Above 512 a call would block Redis for milliseconds. */
export const CALL_OPERATIONS_MAX = 128;
/** Calls in flight for one shard. */
export const CALLS_IN_FLIGHT_MAX = 2;
/** Operations that wait for their call in one gateway; past it the caller hears 503 `overloaded`. */
export const QUEUE_OPERATIONS_MAX = 20_000;

/** Past time that an event may be ahead of Redis's clock and counts as now. */
export const EVENT_AHEAD_MS_MAX = 5 * 60 * 1000;
/** A clock this much behind the latest one remembered is a fault; less counts as the latest. */
export const CLOCK_BEHIND_MS_MAX = 60 * 1000;
/** How long an id is remembered. */
export const ID_RETENTION_MS = 24 * 60 * 60 * 1000;
/** Below this retention new ids are refused rather than forgotten at once. */
export const ID_RETENTION_MS_MIN = 60 * 60 * 1000;
/** Hashes that hold a shard's remembered ids, and how many of them one sweep call looks through. */
export const ID_BUCKETS = 65_536;
export const ID_BUCKETS_PER_SWEEP = 32;
/** Customers whose expired holds one round of the sweep undoes. */
export const SWEPT_CUSTOMERS_MAX = 256;
/** Longest hold of a reservation. */
export const RESERVATION_TTL_MS_MAX = 24 * 60 * 60 * 1000;
/** Hold of a reservation that names no ttl. */
export const RESERVATION_TTL_MS_DEFAULT = 60 * 1000;
/** Expired holds undone before one operation; the sweep takes the rest. */
export const EXPIRED_HOLDS_PER_OPERATION_MAX = 64;

/** Bytes that a process keeps of customers, as engine/catalog/customer-cache.ts reckons them. */
export const CUSTOMER_CACHE_BYTES_MAX = 384 * 1024 * 1024;

/** Facts in one JetStream message, and its bytes (NATS refuses more than 1 MiB by default). */
export const MESSAGE_BYTES_MAX = 512 * 1024;

/**
 * How long relay and sink wait for an answer of JetStream, ms. The client does not give up what was asked over a connection
 * that broke: with its own 5 s whatever stood behind such a question came back 5 s after NATS did.
 */
export const JETSTREAM_ANSWER_MS_MAX = 2_000;
/** Rows in one insert into ClickHouse, at most, and where inserts are slow. */
export const INSERT_ROWS_MAX = 200_000;
export const INSERT_ROWS_MIN = 50_000;

/** Operations in one frame of a spool: a frame is charged by one call for each shard. */
export const SPOOL_FRAME_OPERATIONS_MAX = 128;
/** Bytes of one frame; a longer one is no frame of ours. */
export const SPOOL_FRAME_BYTES_MAX = 16 * 1024 * 1024;
/** Limits of customers that a gateway counts by their `allowUpTo` in one outage; further ones deny. */
export const ALLOWANCES_MAX = 1_000_000;
/** Part of the outbox's bound from which on denials leave no line: usage must not be lost for them. */
export const OUTBOX_DENIALS_UNTIL = 0.8;

/** Periods in one answer of `/v1/usage`. */
export const USAGE_PERIODS_MAX = 1_200;

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`constants contradict each other: ${relation}`);
}

assertRelation(INLINE_BODY_BYTES_MAX < BODY_BYTES_MAX, 'an inline body is smaller than the largest body');
assertRelation(BODY_BYTES_MAX <= EVENT_BODY_BYTES_MAX, 'ingest takes at least what other routes take');
assertRelation(ATOMIC_BATCH_MAX <= CALL_OPERATIONS_MAX, 'an atomic batch fits one call');
assertRelation(EVENT_BATCH_MAX <= QUEUE_OPERATIONS_MAX, 'one full event batch fits the queue');
assertRelation(CHECK_BATCH_MAX <= QUEUE_OPERATIONS_MAX, 'one full check batch fits the queue');
assertRelation(WARN_AT_MAX <= 16, 'crossed thresholds fit a 16-bit mask');
assertRelation(ID_RETENTION_MS_MIN < ID_RETENTION_MS, 'a shorter retention comes before a refusal');
assertRelation(ID_BUCKETS % ID_BUCKETS_PER_SWEEP === 0, 'sweeps cover every bucket');
assertRelation(CALL_OPERATIONS_MAX < 512, 'a call never blocks Redis for milliseconds');
assertRelation(ATOMIC_BATCH_MAX <= SPOOL_FRAME_OPERATIONS_MAX, 'an atomic batch fits one frame of a spool');
assertRelation(SPOOL_FRAME_OPERATIONS_MAX <= CALL_OPERATIONS_MAX, 'a frame of a spool fits one call');
assertRelation(OUTBOX_DENIALS_UNTIL < 1, 'denials go before usage is refused');
assertRelation(INSERT_ROWS_MIN <= INSERT_ROWS_MAX, 'slow inserts are no larger than fast ones');
assertRelation(MESSAGE_BYTES_MAX < 1024 * 1024, 'a message fits the default max_payload of NATS');
