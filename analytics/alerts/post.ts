import http from 'node:http';
import https from 'node:https';
import { isPublic, literalAddress, PrivateNetworkError, publicLookup } from './private-network.js';

/** From the connection to the last byte that is read. */
const ATTEMPT_MS_MAX = 10_000;
/** Of an answer no more is read: its status says all. */
const ANSWER_BYTES_MAX = 16 * 1024;

/** What became of one attempt. */
export interface AttemptOutcome {
  readonly delivered: boolean;
  /** HTTP status; null where none came, and of mail. */
  readonly status: number | null;
  readonly ms: number;
  /** Never names the address: it may be a secret. */
  readonly error: string | null;
}

export interface PostOptions {
  readonly allowPrivate: boolean;
  /** Replaced by tests. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Posts JSON once. Delivered means any 2xx; redirects are not followed, and no proxy is asked. Never throws.
 * Each request has a connection of its own: the addresses are looked at before each.
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  { allowPrivate, timeoutMs = ATTEMPT_MS_MAX }: PostOptions,
): Promise<AttemptOutcome> {
  const startedAt = performance.now();
  const outcome = (status: number | null, error: string | null): AttemptOutcome => ({
    delivered: error === null,
    status,
    ms: Math.round(performance.now() - startedAt),
    error,
  });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const status = await request(new URL(url), headers, body, allowPrivate, signal);
    return outcome(status, status >= 200 && status < 300 ? null : `status ${status}`);
  } catch (error) {
    return outcome(null, signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error));
  }
}

function request(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  allowPrivate: boolean,
  signal: AbortSignal,
): Promise<number> {
  const literal = literalAddress(url);
  if (!allowPrivate && literal !== undefined && !isPublic(literal)) throw new PrivateNetworkError(literal);
  const bytes = Buffer.from(body);
  const sent = {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    'user-agent': 'weir',
    ...headers,
  };
  const options = {
    method: 'POST',
    agent: false,
    signal,
    headers: sent,
    ...(allowPrivate ? {} : { lookup: publicLookup }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === 'https:' ? https : http).request(url, options, (answer) => {
      let read = 0;
      const end = (): void => {
        outgoing.destroy();
        resolve(answer.statusCode ?? 0);
      };
      answer.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read > ANSWER_BYTES_MAX) end();
      });
      answer.on('end', end);
      answer.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

/** A connection's errors name host and port: the code alone is told. */
function reasonOf(error: unknown): string {
  if (error instanceof PrivateNetworkError) return error.message;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'failed';
}
