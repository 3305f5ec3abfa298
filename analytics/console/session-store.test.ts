import { beforeEach, describe, expect, it } from 'vitest';
import type { ApiKey } from '../../engine/index.js';
import { SESSION_IDLE_MS_MAX, SESSION_MS_MAX, SESSIONS_MAX, SessionStore } from './session-store.js';

const record = (id: string): ApiKey => ({
  id,
  hash: '0'.repeat(64),
  scopes: ['read'],
  createdAt: '2026-01-01T00:00:00.000Z',
});

describe('a session', () => {
  let nowMs = 0;
  let keys: Map<string, ApiKey>;
  let store: SessionStore;
  beforeEach(() => {
    nowMs = 1_000;
    keys = new Map([
      ['raw-ü', record('one')],
      ['raw-2', record('two')],
    ]);
    store = new SessionStore(
      (rawKey) => keys.get(rawKey),
      () => nowMs,
    );
  });

  it('is its key as it is now', () => {
    const { id } = store.open('raw-ü', record('one'));
    expect(store.find(id)?.key.scopes).toEqual(['read']);
    keys.set('raw-ü', { ...record('one'), scopes: ['admin'] });
    expect(store.find(id)?.key.scopes).toEqual(['admin']);
    expect(store.find('no-such-session')).toBeUndefined();
  });

  it('ends with its key, and does not come back with it', () => {
    const { id } = store.open('raw-ü', record('one'));
    keys.delete('raw-ü');
    expect(store.find(id)).toBeUndefined();
    keys.set('raw-ü', record('one'));
    expect(store.find(id)).toBeUndefined();
    expect(store.size).toBe(0);
  });

  it('ends when its secret belongs to another key', () => {
    const { id } = store.open('raw-ü', record('one'));
    keys.set('raw-ü', record('other'));
    expect(store.find(id)).toBeUndefined();
  });

  it('ends after its time, and earlier where nobody uses it', () => {
    const idle = store.open('raw-ü', record('one')).id;
    const used = store.open('raw-2', record('two')).id;
    for (const endMs = nowMs + SESSION_MS_MAX; nowMs + SESSION_IDLE_MS_MAX / 2 < endMs; ) {
      nowMs += SESSION_IDLE_MS_MAX / 2;
      expect(store.find(used)).toBeDefined();
    }
    expect(store.find(idle)).toBeUndefined();
    nowMs += SESSION_IDLE_MS_MAX / 2;
    expect(store.find(used)).toBeUndefined();
  });

  it('makes room for a new one of the same key before any other', () => {
    const first = store.open('raw-2', record('two')).id;
    const oldest = store.open('raw-ü', record('one')).id;
    for (let count = 2; count < SESSIONS_MAX; count++) store.open('raw-ü', record('one'));
    const newest = store.open('raw-ü', record('one')).id;
    expect(store.size).toBe(SESSIONS_MAX);
    expect(store.find(oldest)).toBeUndefined();
    expect(store.find(first)).toBeDefined();
    expect(store.find(newest)).toBeDefined();
  });
});
