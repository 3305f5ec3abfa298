import { hash, timingSafeEqual } from 'node:crypto';
import { type ApiKey, type Scope, WeirError } from '../../engine/index.js';
import { headerText } from './header-text.js';

/** Longest key that is looked at: WEIR_ADMIN_KEY may have 1 024 characters of up to four bytes. */
const KEY_CHARS_MAX = 4_096;
const BEARER = /^bearer +(.+?) *$/i;

/** The raw key of a request, '' when there is none. `x-weir-key` wins, since `Authorization` may be the end user's. */
export function readKey(authorization: string, weirKey: string): string {
  if (weirKey !== '') return weirKey;
  // The usual spelling, without the expression: this is on the path of every check.
  if (authorization.startsWith('Bearer ') && authorization.indexOf(' ', 7) < 0) return authorization.slice(7);
  return BEARER.exec(authorization)?.[1] ?? '';
}

/** `admin` has every scope. */
export function hasScope(key: ApiKey, scope: Scope): boolean {
  return key.scopes.includes(scope) || key.scopes.includes('admin');
}

/** @throws WeirError `forbidden` when the key is bound to another customer. */
export function assertCustomer(key: ApiKey | undefined, customer: string): void {
  if (key?.customer !== undefined && key.customer !== customer) {
    throw new WeirError('forbidden', 'this key is bound to another customer', { field: 'customer' });
  }
}

export type Authenticate = (rawKey: string) => ApiKey | undefined;

/**
 * Adds the operator's key (WEIR_ADMIN_KEY) to a look-up of stored keys. It is compared by digest in constant time;
 * stored keys are found by their digest, which tells nothing about a key to who measures the time.
 */
export function withAdminKey(authenticate: Authenticate, adminKey: string | undefined): Authenticate {
  if (adminKey === undefined || adminKey === '') return authenticate;
  const digest = hash('sha256', adminKey, 'buffer');
  const record: ApiKey = {
    id: 'admin',
    hash: digest.toString('hex'),
    scopes: ['admin'],
    createdAt: '1970-01-01T00:00:00.000Z',
  };
  return (rawKey) => {
    const known = authenticate(rawKey);
    if (known !== undefined) return known;
    return timingSafeEqual(hash('sha256', headerText(rawKey), 'buffer'), digest) ? record : undefined;
  };
}

/** The record of a raw key with this scope. @throws WeirError unauthenticated, invalid_key, forbidden. */
export function authorizeKey(authenticate: Authenticate, rawKey: string, scope: Scope): ApiKey {
  if (rawKey === '') throw new WeirError('unauthenticated');
  const key = rawKey.length <= KEY_CHARS_MAX ? authenticate(rawKey) : undefined;
  if (key === undefined) throw new WeirError('invalid_key');
  if (!hasScope(key, scope)) throw new WeirError('forbidden', `the key needs the scope "${scope}"`);
  return key;
}

/**
 * True for a peer on this machine: 127.0.0.0/8, ::1, or the former mapped into IPv6.
 * @param address as uWS gives it: 4 or 16 bytes.
 */
export function isLoopback(address: ArrayBuffer): boolean {
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return bytes[0] === 127;
  if (bytes.length !== 16) return false;
  const start = bytes.subarray(0, 10);
  if (start.some((byte) => byte !== 0)) return false;
  if (bytes[10] === 0xff && bytes[11] === 0xff) return bytes[12] === 127;
  return bytes.subarray(10, 15).every((byte) => byte === 0) && bytes[15] === 1;
}

/**
 * Guards writes that come with a session cookie against requests forged by other sites: the browser must say that the
 * page is our own (Fetch Metadata, or an Origin equal to the Host).
 * @throws WeirError forbidden
 */
export function assertSameOrigin(method: string, header: (name: string) => string): void {
  if (method === 'GET' || method === 'HEAD') return;
  const site = header('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return;
  const origin = header('origin');
  if (site === '' && origin !== '' && URL.canParse(origin) && new URL(origin).host === header('host')) return;
  throw new WeirError('forbidden', 'the session is only taken from our own pages');
}
