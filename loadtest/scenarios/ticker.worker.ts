import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';

/**
 * A clock finer than Node's timers, whose step is a millisecond: a thread that sleeps until each instant and then says
 * so. Spinning would be as fine, and take a core from what is measured.
 */

export const tickerDataSchema = z.strictObject({ everyMs: z.number().positive() });
export type TickerData = z.output<typeof tickerDataSchema>;

const { everyMs } = tickerDataSchema.parse(workerData);
const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const startedMs = performance.now();
for (let tick = 1; ; tick++) {
  const waitMs = startedMs + tick * everyMs - performance.now();
  if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs);
  parentPort?.postMessage(0);
}
