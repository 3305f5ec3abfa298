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
/** Key-value bucket with the lease of the one sink. */
export const LEASES_BUCKET = 'weir-leases';
