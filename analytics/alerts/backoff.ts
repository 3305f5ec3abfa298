/** When a delivery that failed is tried again. */
export interface Backoff {
  /** Before the second attempt, ms. */
  readonly firstMs: number;
  readonly factor: number;
  /** Between two attempts at most, ms. */
  readonly longestMs: number;
  /** From the first attempt on; then it is dead, ms. */
  readonly totalMs: number;
}

/** 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, then every 3 h, for a day. */
export const BACKOFF: Backoff = { firstMs: 5_000, factor: 3, longestMs: 3 * 3_600_000, totalMs: 24 * 3_600_000 };

/** Part of a wait that is left to chance, so that what failed together is not tried again together. */
const JITTER = 0.2;

/**
 * How long to wait after a number of failed attempts; null once the next one would come too late.
 * @param elapsedMs since the delivery was made, or put through again.
 * @param random from 0 to 1.
 */
export function nextDelayMs(
  backoff: Backoff,
  attempts: number,
  elapsedMs: number,
  random = Math.random(),
): number | null {
  const { firstMs, factor, longestMs, totalMs } = backoff;
  const waitMs = Math.min(longestMs, firstMs * factor ** (attempts - 1));
  const delayMs = Math.round(waitMs * (1 + JITTER * (2 * random - 1)));
  return elapsedMs + delayMs > totalMs ? null : delayMs;
}
