import { hash } from 'node:crypto';
import { z } from 'zod';
import { SPOOL_FRAME_BYTES_MAX } from '../contract/constants.js';

/**
 * The bytes of a spool: frames, one behind the other. A frame is what one write and one fsync made durable, or a part of
 * it, and is charged as a whole.
 *
 *   frame    u32 length of the payload, little-endian · the first 8 bytes of its SHA-256 · payload
 *   payload  JSON { sequence, operations }; sequences count from 1 in each spool
 *
 * A crash in a write leaves a torn tail: a frame with too few bytes, or another checksum. It is where a spool ends.
 * Nobody was answered for it, since the answer waits for the fsync.
 */
const LENGTH_BYTES = 4;
const CHECKSUM_BYTES = 8;
const HEAD_BYTES = LENGTH_BYTES + CHECKSUM_BYTES;

const checksumOf = (payload: Buffer): Buffer => hash('sha256', payload, 'buffer').subarray(0, CHECKSUM_BYTES);

/** One check that was admitted while Redis was away, as the spool keeps it. */
const spooledSchema = z.strictObject({
  customer: z.string(),
  feature: z.string(),
  /** Of the feature then, for the fact, where the catalog has no such feature any more. */
  meter: z.string(),
  entity: z.string().optional(),
  /** The caller's; the spool's own place tells operations without one apart. */
  id: z.string().optional(),
  /** In the meter's smallest unit. */
  amount: z.int().min(0),
  /** By this gateway's clock, ms since 1970. */
  admittedAtMs: z.int(),
  dimensions: z.record(z.string(), z.string()).optional(),
});
export type SpooledOperation = z.output<typeof spooledSchema>;

const frameSchema = z.strictObject({ sequence: z.int().min(1), operations: z.array(spooledSchema) });
export type Frame = z.output<typeof frameSchema>;

/** @param operations each as its JSON text. */
export function encodeFrame(sequence: number, operations: readonly string[]): Buffer {
  const payload = Buffer.from(`{"sequence":${sequence},"operations":[${operations.join()}]}`);
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32LE(payload.length);
  return Buffer.concat([length, checksumOf(payload), payload]);
}

/** Bytes at a place of a spool; fewer where it ends. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/**
 * The frames of a spool in order, up to its end or its torn tail.
 * @returns where the last whole frame ends.
 * @throws Error for a whole frame that says something else than frames of ours do.
 */
export async function* readFrames(readAt: ReadAt): AsyncGenerator<Frame, number> {
  let offset = 0;
  let sequence = 0;
  for (;;) {
    const head = await readAt(offset, HEAD_BYTES);
    if (head.length < HEAD_BYTES) return offset;
    const length = head.readUInt32LE(0);
    if (length === 0 || length > SPOOL_FRAME_BYTES_MAX) return offset;
    const payload = await readAt(offset + HEAD_BYTES, length);
    if (payload.length < length || !checksumOf(payload).equals(head.subarray(LENGTH_BYTES))) return offset;
    const frame = frameSchema.parse(JSON.parse(payload.toString()));
    // Frames are charged under their sequence: one that does not follow is no tail, but a spool that is not ours.
    if (frame.sequence !== ++sequence) throw new Error(`frame ${frame.sequence} of a spool stands at ${sequence}`);
    yield frame;
    offset += HEAD_BYTES + length;
  }
}
