import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ApiKey } from '../../engine/index.js';
import { assertSameOrigin, authorizeKey, hasScope, isLoopback, readKey, withAdminKey } from './auth.js';

const record = (scopes: ApiKey['scopes']): ApiKey => ({
  id: 'k',
  hash: '0'.repeat(64),
  scopes,
  createdAt: '2026-01-01T00:00:00Z',
});
const address = (...bytes: number[]): ArrayBuffer => new Uint8Array(bytes).buffer;

describe('a raw key', () => {
  it.each([
    ['Bearer abc', '', 'abc'],
    ['bearer abc', '', 'abc'],
    ['BEARER   abc  ', '', 'abc'],
    ['Bearer with blanks inside', '', 'with blanks inside'],
    ['Bearer ', '', ''],
    ['Bearer', '', ''],
    ['Basic abc', '', ''],
    ['', '', ''],
    ['', 'xyz', 'xyz'],
    ['Bearer abc', 'xyz', 'xyz'],
  ])('is read from "%s" and "%s"', (authorization, weirKey, key) => {
    expect(readKey(authorization, weirKey)).toBe(key);
  });
});

describe('authorization', () => {
  it('knows scopes, of which admin has all', () => {
    expect(hasScope(record(['check']), 'check')).toBe(true);
    expect(hasScope(record(['check']), 'read')).toBe(false);
    expect(hasScope(record(['admin']), 'ingest')).toBe(true);
  });

  it('tells apart no key, an unknown one, and one that may not', () => {
    const keys = (raw: string): ApiKey | undefined => (raw === 'good' ? record(['read']) : undefined);
    expect(() => authorizeKey(keys, '', 'read')).toThrow(expect.objectContaining({ code: 'unauthenticated' }));
    expect(() => authorizeKey(keys, 'bad', 'read')).toThrow(expect.objectContaining({ code: 'invalid_key' }));
    expect(() => authorizeKey(keys, 'good'.repeat(2_000), 'read')).toThrow(
      expect.objectContaining({ code: 'invalid_key' }),
    );
    expect(() => authorizeKey(keys, 'good', 'check')).toThrow(expect.objectContaining({ code: 'forbidden' }));
    expect(authorizeKey(keys, 'good', 'read').id).toBe('k');
  });

  it('takes the operator’s key, with characters of any script, and none when there is none', () => {
    const secret = 'ein sehr geheimer Schlüssel für alle';
    const keys = withAdminKey(() => undefined, secret);
    expect(keys(secret)).toMatchObject({ id: 'admin', scopes: ['admin'], hash: hash('sha256', secret) });
    expect(keys(Buffer.from(secret).toString('latin1'))?.id).toBe('admin');
    expect(keys('another')).toBeUndefined();
    expect(withAdminKey(() => undefined, undefined)('')).toBeUndefined();
    expect(withAdminKey(() => undefined, '')('')).toBeUndefined();
  });
});

describe('the peer', () => {
  it('is local on 127.0.0.0/8 and ::1, however it is written', () => {
    expect(isLoopback(address(127, 0, 0, 1))).toBe(true);
    expect(isLoopback(address(127, 9, 9, 9))).toBe(true);
    expect(isLoopback(address(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))).toBe(true);
    expect(isLoopback(address(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1))).toBe(true);
  });

  it('is remote otherwise', () => {
    expect(isLoopback(address(10, 0, 0, 127))).toBe(false);
    expect(isLoopback(address(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1))).toBe(false);
    expect(isLoopback(address(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))).toBe(false);
    expect(isLoopback(address(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2))).toBe(false);
    expect(isLoopback(new ArrayBuffer(0))).toBe(false);
  });
});

describe('a session', () => {
  const from = (headers: Record<string, string>) => (name: string) => headers[name] ?? '';

  it('serves reads from anywhere, writes from our own pages', () => {
    expect(() => assertSameOrigin('GET', from({}))).not.toThrow();
    expect(() => assertSameOrigin('PUT', from({ 'sec-fetch-site': 'same-origin' }))).not.toThrow();
    expect(() => assertSameOrigin('PUT', from({ origin: 'http://weir:8081', host: 'weir:8081' }))).not.toThrow();
    for (const headers of [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'http://weir:8081', host: 'weir:8081' },
      { origin: 'http://evil.example', host: 'weir:8081' },
      { origin: 'null', host: 'weir:8081' },
    ]) {
      expect(() => assertSameOrigin('PUT', from(headers))).toThrow(expect.objectContaining({ code: 'forbidden' }));
    }
  });
});
