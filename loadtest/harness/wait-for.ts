import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** What is waited for, for the message: "the relay to publish 100 facts". */
  readonly what: string;
}

/**
 * Asks again and again until the condition gives something truthy, and resolves with it: tests wait for what they
 * need, with a bound, instead of sleeping. A condition that throws counts as not yet; its last error is in the message.
 *
 * @throws Error naming `what` when `timeoutMs` have passed.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<NonNullable<T>> {
  const start = performance.now();
  let pauseMs = 2;
  let last = '';
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = '';
    } catch (error) {
      last = `; last error: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() - start >= options.timeoutMs) {
      throw new Error(`waited ${options.timeoutMs} ms in vain for ${options.what}${last}`);
    }
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 1.5, 50);
  }
}
