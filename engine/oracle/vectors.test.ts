import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compare, loadVectors } from './vectors.js';

const quota = { remaining: 1, used: 2, reserved: 0, overage: 0, headroom: null, resetAt: null };

describe('compare', () => {
  test('what is left out must be absent, false or empty, save limits', () => {
    const expected = { allowed: true, limits: { q: quota } };
    const same = { allowed: true, deniedBy: [], crossed: [], replayed: false, late: false, limits: { q: quota } };
    expect(compare(expected, same)).toBeNull();
    expect(compare({ allowed: true }, same)).toBeNull();
    expect(compare(expected, { ...same, replayed: true })).toBe('replayed: expected nothing, got true');
    expect(compare(expected, { ...same, retryAfterMs: null })).toBe('retryAfterMs: expected nothing, got null');
    expect(compare({ allowed: true }, { error: 'id_conflict' })).toBe('error: expected nothing, got "id_conflict"');
  });

  test('the first field that differs is named, limit and field', () => {
    const denied = { allowed: false, deniedBy: ['q'], retryAfterMs: null, limits: { q: quota } };
    expect(compare(denied, { ...denied, retryAfterMs: 0 })).toBe('retryAfterMs: expected null, got 0');
    expect(compare(denied, { ...denied, deniedBy: ['b', 'q'] })).toBe('deniedBy: expected ["q"], got ["b","q"]');
    const other = { ...denied, limits: { q: { ...quota, headroom: 0 } } };
    expect(compare(denied, other)).toBe('limits.q.headroom: expected null, got 0');
    expect(compare(denied, { ...denied, limits: {} })).toMatch(/^limits\.q: expected .*, got nothing$/);
    expect(compare({ limits: {} }, { limits: { q: quota } })).toMatch(/^limits\.q: expected nothing/);
    expect(compare({ limits: { b: { remaining: 1 } } }, { limits: { b: quota } })).toMatch(/^limits\.b\.used/);
  });
});

describe('loadVectors', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-vectors-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const step = { at: 0, op: 'peek', amount: 1, expect: { allowed: true } };
  const vector = { name: 'v', about: 'a', start: '2026-01-01T00:00:00.000Z', limits: [], steps: [step] };
  const write = (name: string, content: unknown): string => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(content));
    return file;
  };

  test('files and folders are read, by name', () => {
    const second = write('b.json', [{ ...vector, name: 'second' }]);
    write('a.json', [vector]);
    expect(loadVectors([second, folder]).map(({ name }) => name)).toEqual(['second', 'v', 'second']);
    expect(loadVectors([second])[0]?.file).toBe(second);
  });

  test('what is missing, misspelt or empty is an error, never nothing to do', () => {
    expect(() => loadVectors([join(folder, 'missing.json')])).toThrow(/ENOENT/);
    const misspelt = write('misspelt.json', [{ ...vector, steps: [{ ...step, expect: { alowed: true } }] }]);
    expect(() => loadVectors([misspelt])).toThrow(/misspelt\.json is no file of vectors[\s\S]*alowed/);
    expect(() => loadVectors([write('empty.json', [])])).toThrow(/no vectors/);
  });
});
