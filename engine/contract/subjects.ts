/** Names of JetStream streams, subjects, consumers and buckets. One place, so that relay and sink cannot disagree. */
export const FACTS_STREAM = 'WEIR_FACTS';
/** Subject of one shard's messages; the catalog's changes go out under the shard name `catalog`. */
export const factsSubject = (shard: string): string => `weir.facts.${shard}`;
export const FACTS_SUBJECTS = 'weir.facts.*';
export const SINK_CONSUMER = 'weir-sink';
/** Events and messages that cannot be booked, with the reason. */
export const DEAD_LETTER_STREAM = 'WEIR_DEAD_LETTERS';
export const DEAD_LETTER_SUBJECT = 'weir.dead-letters';
/** The sink at work answers here: it puts one dead letter through again. */
export const DEAD_LETTER_RETRY_SUBJECT = 'weir.dead-letter-retry';
/** The sink at work answers here once ClickHouse has all that it had read by then. */
export const CATCH_UP_SUBJECT = 'weir.catch-up';
/** Key-value bucket with the lease of the one sink. */
export const LEASES_BUCKET = 'weir-leases';
/** Reads WEIR_FACTS for crossings. Without it the stream may still be purged, when it is nearly full. */
export const ALERTS_CONSUMER = 'weir-alerts';
/** Alerts, one message each under its id: the stream takes none twice. */
export const ALERTS_STREAM = 'WEIR_ALERTS';
export const alertSubject = (id: string): string => `weir.alerts.${id}`;
/** Deliveries that are not over, and the latest that are: the last message of each subject is its state. */
export const DELIVERIES_STREAM = 'WEIR_ALERT_DELIVERIES';
export const deliverySubject = (id: string): string => `weir.alert-deliveries.${id}`;
/** Key-value bucket with where alerts go, and the secrets that sign them. */
export const ALERT_TARGETS_BUCKET = 'weir-alert-targets';
