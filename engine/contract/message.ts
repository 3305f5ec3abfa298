/**
 * What identifies a message of the stream WEIR_FACTS beside its body (contract/fact.ts): names of headers and the
 * spelling of its id. The relay writes them, the sink reads them; neither trusts the stream's own sequence, since a
 * stream that was made anew counts from 1 again.
 */

/** `index/count` of a message that carries one entry too large for a single message; absent otherwise. */
export const CHUNK_HEADER = 'weir-chunk';
/** Why a message lies among the dead letters, and where it stood in WEIR_FACTS. */
export const REASON_HEADER = 'weir-reason';
export const ORIGIN_HEADER = 'weir-origin';
/** The relay's span (W3C Trace Context), where the message's publishing was traced. */
export const TRACEPARENT_HEADER = 'traceparent';
/** Bytes of a whole dead letter, which may lie there in several messages. */
export const LENGTH_HEADER = 'weir-length';

/** Processes without an HTTP port answer their metrics here, as Prometheus's text; the control plane shows them. */
export const metricsSubject = (process: 'relay' | 'sink'): string => `weir.metrics.${process}`;

/** A span of one shard's outbox, by its ids `ms-seq`. */
export interface MessageSpan {
  readonly epoch: number;
  readonly shard: string;
  readonly first: string;
  readonly last: string;
}

/** Deterministic id of a message, so that JetStream drops the same message sent twice within its duplicate window. */
export function messageId(span: MessageSpan, chunkIndex = 0): string {
  const id = `${span.epoch}/${span.shard}/${span.first}/${span.last}`;
  return chunkIndex === 0 ? id : `${id}/${chunkIndex}`;
}

const MESSAGE_ID = /^(\d{1,15})\/([a-z0-9]{1,16})\/(\d{1,15}-\d{1,10})\/(\d{1,15}-\d{1,10})(?:\/\d{1,5})?$/;

/** What a message id says; null for text that is none. */
export function parseMessageId(text: string): MessageSpan | null {
  const match = MESSAGE_ID.exec(text);
  if (match === null) return null;
  const [, epoch = '', shard = '', first = '', last = ''] = match;
  return { epoch: Number(epoch), shard, first, last };
}

const CHUNK = /^(\d{1,5})\/(\d{1,5})$/;

/** Reads the chunk header: which part (from 0) of how many; null for text that is none. */
export function parseChunk(text: string): { index: number; count: number } | null {
  const match = CHUNK.exec(text);
  return match === null ? null : { index: Number(match[1]), count: Number(match[2]) };
}
