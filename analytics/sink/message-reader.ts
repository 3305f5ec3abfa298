import type { JsMsg } from 'nats';
import { EPOCH_HEADER, SHARD_HEADER, unpackEntries } from '../../engine/contract/fact.js';
import { CHUNK_HEADER, parseChunk } from '../../engine/contract/message.js';
import type { SinkEntry } from './batch.js';

/** A message as the sink sees it: entries, or the reason why it cannot be read. */
export type ReadMessage =
  | { readonly kind: 'entries'; readonly entries: readonly SinkEntry[] }
  | { readonly kind: 'chunk' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Takes messages apart, and puts entries that came in several messages together again. */
export class MessageReader {
  /** Per shard the chunks of an entry that is not whole yet. */
  readonly #chunks = new Map<string, Buffer[]>();

  readonly #onDropped: (chunks: number) => void;

  /** @param onDropped told how many chunks were dropped, since the rest of their entry never came. */
  constructor(onDropped: (chunks: number) => void = () => undefined) {
    this.#onDropped = onDropped;
  }

  /** True while an entry is incomplete: its first messages must not be acknowledged yet. */
  get incomplete(): boolean {
    return this.#chunks.size > 0;
  }

  read(message: JsMsg): ReadMessage {
    const shard = message.headers?.get(SHARD_HEADER) ?? '';
    const epoch = Number(message.headers?.get(EPOCH_HEADER));
    if (shard === '') return unreadable(`no header ${SHARD_HEADER}`);
    if (!Number.isSafeInteger(epoch) || epoch < 1) return unreadable(`no header ${EPOCH_HEADER}`);
    const chunkText = message.headers?.get(CHUNK_HEADER) ?? '';
    const bytes = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength);
    if (chunkText === '') {
      this.#drop(shard);
      return unpackMessage(bytes, epoch, shard);
    }
    const chunk = parseChunk(chunkText);
    const before = chunk?.index === 0 ? [] : this.#chunks.get(shard);
    // A sender that starts over sends the first chunk again: whatever came before it counts for nothing.
    if (chunk === null || before?.length !== chunk.index) {
      this.#drop(shard);
      return unreadable(`chunk ${chunkText} does not follow`);
    }
    if (chunk.index === 0) this.#drop(shard);
    else this.#chunks.delete(shard);
    const chunks = [...before, bytes];
    if (chunks.length === chunk.count) return unpackMessage(Buffer.concat(chunks), epoch, shard);
    this.#chunks.set(shard, chunks);
    return { kind: 'chunk' };
  }

  #drop(shard: string): void {
    const chunks = this.#chunks.get(shard)?.length ?? 0;
    if (chunks > 0) this.#onDropped(chunks);
    this.#chunks.delete(shard);
  }
}

/** The entries of a whole message, or why it cannot be read. */
export function unpackMessage(
  bytes: Buffer,
  epoch: number,
  shard: string,
): Exclude<ReadMessage, { readonly kind: 'chunk' }> {
  try {
    const entries = unpackEntries(bytes).map(({ outboxMs, outboxSeq, entry }) => {
      if (!Number.isSafeInteger(outboxMs) || outboxMs < 0) throw new RangeError(`${outboxMs} is no outbox id`);
      return { epoch, shard, outboxMs, outboxSeq, bytes: entry };
    });
    return { kind: 'entries', entries };
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (reason: string): { readonly kind: 'unreadable'; readonly reason: string } => ({
  kind: 'unreadable',
  reason,
});
