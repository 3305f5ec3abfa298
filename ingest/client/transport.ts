import type { ZodType } from 'zod';
import { errorOfAnswer, WeirApiError } from './error.js';

const TIMEOUT_MS = 30_000;
const RETRIES = 3;
/** Waits grow from the first to the second, by doubling, with jitter. */
const WAIT_MS_MIN = 50;
const WAIT_MS_MAX = 2_000;
/** A server may ask for longer, up to this. */
const ASKED_WAIT_MS_MAX = 10_000;

export interface TransportOptions {
  /** The API key; left out for open routes only. */
  readonly key?: string | undefined;
  /** For one attempt, until its body is read; default 30 s. */
  readonly timeoutMs?: number | undefined;
  /** Attempts after the first one; default 3. */
  readonly retriesMax?: number | undefined;
  /** Replaced by tests. */
  readonly fetch?: typeof fetch | undefined;
}

/** One call. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly body?: string | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  /** True when it changes nothing, or carries an id by which Weir knows it again: only then it is ever sent twice. */
  readonly repeatable: boolean;
  /** Further statuses that are an answer, not an error. */
  readonly isAnswer?: (status: number) => boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Attempts that it took. */
  readonly attempts: number;
}

/**
 * Sends calls over connections that are kept alive (fetch's own pool), and sends those again that may be:
 * when nobody answered, or when the registry of errors says that the same request can succeed.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #fetch: typeof fetch;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? fetch;
  }

  get retriesMax(): number {
    return this.#options.retriesMax ?? RETRIES;
  }

  /** @throws WeirApiError for anything but success; the signal's reason when it was aborted. */
  async send(call: Call): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      try {
        return { ...(await this.#attempt(call)), attempts: attempt + 1 };
      } catch (error) {
        const again = error instanceof WeirApiError && error.retry && call.repeatable && attempt < this.retriesMax;
        if (!again) throw error;
        await this.pause(attempt, error.retryAfterMs, call.signal);
      }
    }
  }

  /** Sends, and parses the answer. @throws WeirApiError, `unexpected_answer` when it does not match. */
  async json<T>(call: Call, schema: ZodType<T>): Promise<T> {
    const { text, status } = await this.send(call);
    return parseAnswer(text, status, call, schema);
  }

  /** As `send`, but hands the body over as it comes. Never sent twice once the answer has begun. */
  async stream(call: Call): Promise<ReadableStream<Uint8Array> | null> {
    const response = await this.#request(call, call.signal);
    if (!response.ok) throw errorOfAnswer(response.status, response.headers, await response.text(), call.url);
    return response.body;
  }

  /** Waits before attempt `attempt` + 1: as long as the server asks, else longer each time. */
  async pause(attempt: number, askedMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    const growing = Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** attempt) * (0.5 + Math.random() / 2);
    const waitMs = Math.max(growing, Math.min(askedMs ?? 0, ASKED_WAIT_MS_MAX));
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', end);
        resolve();
      }, waitMs);
      if (signal?.aborted) end();
      else signal?.addEventListener('abort', end, { once: true });
    });
  }

  async #attempt(call: Call): Promise<Omit<Answer, 'attempts'>> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS);
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    const response = await this.#request(call, signal);
    const text = await response.text().catch((error: unknown) => {
      throw failedCall(error, call);
    });
    if (response.ok || call.isAnswer?.(response.status))
      return { status: response.status, headers: response.headers, text };
    throw errorOfAnswer(response.status, response.headers, text, call.url);
  }

  async #request(call: Call, signal: AbortSignal | undefined): Promise<Response> {
    const headers: Record<string, string> = { accept: call.accept ?? 'application/json' };
    if (this.#options.key !== undefined) headers.authorization = `Bearer ${headerBytes(this.#options.key)}`;
    if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
    try {
      return await this.#fetch(call.url, {
        method: call.method,
        headers,
        // Followed, a redirect would carry the key to who knows where; so it is an answer that is not Weir's.
        redirect: 'manual',
        ...(call.body === undefined ? {} : { body: call.body }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw failedCall(error, call);
    }
  }
}

/** Text as the bytes of its UTF-8, one character each: fetch takes no others in a header, and Weir reads them so. */
const headerBytes = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));

/** Parses an answer by its schema. @throws WeirApiError `unexpected_answer` */
export function parseAnswer<T>(text: string, status: number, call: Pick<Call, 'url'>, schema: ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new WeirApiError('unexpected_answer', `${call.url} did not answer with JSON`, { status, cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const message = `${call.url} answered otherwise than expected: ${issue?.path.join('.')} ${issue?.message}`;
  throw new WeirApiError('unexpected_answer', message, { status, cause: parsed.error });
}

/** What fetch throws, as an error of ours; an abort by the caller passes as it is. */
function failedCall(error: unknown, call: Call): unknown {
  if (call.signal?.aborted) return call.signal.reason;
  const origin = new URL(call.url).origin;
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new WeirApiError('timeout', `${origin} did not answer in time`, { status: 0, cause: error });
  }
  const reason = reasonOf(error);
  return new WeirApiError('unreachable', `${origin} cannot be reached (${reason})`, { status: 0, cause: error });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause && cause.code !== undefined ? String(cause.code) : cause.message;
  return error.message;
}
