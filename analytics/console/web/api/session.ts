import type { Fields } from './fields.js';
import { call, SESSION_PATH } from './http.js';

export interface Session {
  readonly keyId: string;
  readonly keyName: string | undefined;
  readonly scopes: readonly string[];
  /** The one customer that the key serves, where it is bound to one. */
  readonly customer: string | undefined;
}

function readSession(answer: Fields): Session | null {
  if (!answer.has('session')) return null;
  const key = answer.object('session').object('key');
  return {
    keyId: key.text('id'),
    keyName: key.textOr('name', undefined),
    scopes: key.texts('scopes'),
    customer: key.textOr('customer', undefined),
  };
}

/** Who is signed in; null when nobody is. */
export const currentSession = (signal?: AbortSignal): Promise<Session | null> =>
  call(SESSION_PATH, readSession, { signal });

/** @throws ApiError `invalid_key`, `forbidden` for a key without the scope `read`. */
export const signIn = (apiKey: string): Promise<Session | null> =>
  call(SESSION_PATH, readSession, {
    method: 'POST',
    headers: { 'x-weir-key': headerBytes(apiKey), 'content-type': 'application/json' },
    body: '{}',
  });

export const signOut = (): Promise<Session | null> => call(SESSION_PATH, readSession, { method: 'DELETE' });

/** Headers carry bytes: an operator's key may have letters beyond Latin-1, which go out as UTF-8. */
function headerBytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
