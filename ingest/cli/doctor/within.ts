import { setTimeout as delay } from 'node:timers/promises';

/** The work's result, given up after a time. @throws Error when the time is over. */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(ms, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`no answer within ${ms / 1_000} s`)),
    () => Promise.reject(new Error('given up')),
  );
  late.catch(() => undefined);
  try {
    return await Promise.race([work(), late]);
  } finally {
    timer.abort();
  }
}
