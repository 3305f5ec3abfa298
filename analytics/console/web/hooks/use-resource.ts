import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, isAbort } from '../api/http.js';

/** Something that is fetched, and fetched again. What was known stays on the page until there is something newer. */
export interface Resource<T> {
  readonly data: T | undefined;
  /** Why the last try failed; the data may be from an earlier one. */
  readonly error: ApiError | undefined;
  /** True while there is nothing to show for what is asked for now. */
  readonly loading: boolean;
  /** When the data came, ms since 1970. */
  readonly updatedAtMs: number | undefined;
  reload(): void;
}

export interface ResourceOptions {
  /** Fetch again this long after each answer; left out, only when asked. */
  readonly everyMs?: number | undefined;
  readonly paused?: boolean;
}

interface State<T> {
  /** What was tried last, and what the data is the answer to. */
  readonly key: string;
  readonly dataKey: string;
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly updatedAtMs: number | undefined;
}

const NOTHING = { key: '', dataKey: '', data: undefined, error: undefined, updatedAtMs: undefined };

/** A server that is away is asked less and less often. */
const BACKOFF_MS_MAX = 60_000;

/**
 * Fetches what `key` stands for, and again every `everyMs` while the page is visible. One request at a time: the next
 * is timed from the answer, so that a slow server is not asked faster than it answers.
 *
 * @param key a new one means something else is asked for; null asks for nothing.
 */
export function useResource<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  { everyMs, paused = false }: ResourceOptions = {},
): Resource<T> {
  const [state, setState] = useState<State<T>>(NOTHING);
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  /** What the data on the page is the answer to. */
  const answered = useRef('');
  const reload = useCallback(() => setRound((count) => count + 1), []);

  // A new round means "again", though nothing else changed. Not after the next paint: who pauses sees no more answers.
  useLayoutEffect(() => {
    if (key === null) return;
    const question = `${round} ${key}`;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    let running = false;
    let ran = false;

    const again = (): void => {
      if (everyMs === undefined || paused || abort.signal.aborted) return;
      const waitMs = failures === 0 ? everyMs : Math.min(everyMs * 2 ** failures, BACKOFF_MS_MAX);
      timer = setTimeout(run, waitMs);
    };
    const run = async (): Promise<void> => {
      // A page that nobody sees asks once, and goes on when it is looked at.
      if (running || (ran && document.hidden)) return;
      running = true;
      ran = true;
      try {
        const data = await latest.current(abort.signal);
        if (abort.signal.aborted) return;
        failures = 0;
        answered.current = question;
        setState({ key, dataKey: key, data, error: undefined, updatedAtMs: Date.now() });
      } catch (error) {
        if (abort.signal.aborted || isAbort(error)) return;
        failures += 1;
        // The answer to another question must not stand for the one that failed.
        setState((before) => ({ ...(before.dataKey === key ? before : NOTHING), key, error: asApiError(error) }));
      } finally {
        running = false;
      }
      again();
    };
    const onVisible = (): void => {
      if (document.hidden || everyMs === undefined || paused) return;
      clearTimeout(timer);
      void run();
    };
    document.addEventListener('visibilitychange', onVisible);
    // To pause is to hold what is there, not to ask once more.
    if (!paused || answered.current !== question) void run();
    return () => {
      document.removeEventListener('visibilitychange', onVisible);
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, everyMs, paused, round]);

  const { data, error, updatedAtMs } = state;
  return { data, error, loading: key !== null && state.key !== key, updatedAtMs, reload };
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('shape', error instanceof Error ? error.message : String(error), 0);
}
