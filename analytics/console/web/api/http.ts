import { Fields } from './fields.js';

/** A request that came to nothing. `code` is one of the API's codes, or `network`, `shape`. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
  }
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

interface Call {
  readonly method?: Method;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** The server's guard against forged requests takes writes with this header only. */
const CONSOLE_HEADER = { 'x-weir-console': '1' };

export const SESSION_PATH = '/v1/session';

let whenSignedOut = (): void => undefined;

/** Called when an answer says that the session is over. */
export function onSignedOut(handler: () => void): void {
  whenSignedOut = handler;
}

/** Asks the API and reads its answer. @throws ApiError; AbortError when `signal` fires. */
export async function call<T>(path: string, read: (fields: Fields) => T, options: Call = {}): Promise<T> {
  const { method = 'GET', headers = {}, body, signal } = options;
  const response = await send(path, {
    method,
    headers: { accept: 'application/json', ...CONSOLE_HEADER, ...headers },
    credentials: 'same-origin',
    cache: 'no-store',
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
  const value = await parse(response);
  if (response.status === 401 && path !== SESSION_PATH) whenSignedOut();
  if (!response.ok) throw refusal(value, response.status);
  return understood(path, () => read(new Fields(value)));
}

/** @throws ApiError `shape` where an answer is not what this page was built for. */
export function understood<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ApiError('shape', `This page does not understand the answer of ${path}: ${message}`, 200);
  }
}

/** The beginning of an answer; `whole` where there is no more of it. */
export interface AnswerStart {
  readonly text: string;
  readonly whole: boolean;
}

/**
 * The first `charsMax` characters of an answer that may be of any size; the rest is not fetched.
 * @throws ApiError; AbortError when `signal` fires.
 */
export async function callStart(path: string, charsMax: number, signal?: AbortSignal): Promise<AnswerStart> {
  const response = await send(path, {
    headers: { accept: 'application/json', ...CONSOLE_HEADER },
    credentials: 'same-origin',
    cache: 'no-store',
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status === 401) whenSignedOut();
  if (!response.ok) throw refusal(await parse(response), response.status);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) return { text: text + decoder.decode(), whole: true };
    text += decoder.decode(value, { stream: true });
    if (text.length <= charsMax) continue;
    await reader?.cancel();
    // One piece can be megabytes, by how the browser was fed.
    return { text: text.slice(0, charsMax), whole: false };
  }
}

/** Null where this server has no such route: a part of Weir that is not there is no fault of the page. */
export async function unlessMissing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404 && error.code === 'not_found') return null;
    throw error;
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError('network', 'Weir cannot be reached. Is it running?', 0);
  }
}

async function parse(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (isAbort(error)) throw error;
    return undefined;
  }
}

function refusal(value: unknown, status: number): ApiError {
  try {
    const error = new Fields(value).object('error');
    return new ApiError(error.text('code'), error.text('message'), status);
  } catch {
    return new ApiError('network', `The server answered ${status}.`, status);
  }
}

export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** `/v1/usage` and `{ meter: 'tokens', customer: undefined }` → `/v1/usage?meter=tokens`. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}
