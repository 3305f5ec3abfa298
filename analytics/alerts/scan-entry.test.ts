import { expect, test } from 'vitest';
import { decodeEntry, type Fact } from '../../engine/index.js';
import { buildEntry, type TestFact } from '../test-support/entry-builder.js';
import { EntryScanner, type QuotaCharge } from './scan-entry.js';

const AT = Date.UTC(2026, 10, 24);
const month = (included: number, after: number) => ({ id: 'monthly', included, windowStartMs: AT, after });
const bucket = { id: 'burst', included: 100, windowStartMs: null, after: 99 };
const facts: TestFact[] = [
  { customer: 'acme', feature: 'chat', meter: 'calls', amount: 1, limits: [month(100, 79), bucket] },
  { customer: 'ümlaut', entity: 'team', feature: 'chat', meter: 'calls', amount: 1, limits: [month(100, 80), bucket] },
  { customer: 'acme', feature: 'mail', meter: 'calls', amount: 1 },
  { customer: 'late', feature: 'chat', meter: 'calls', amount: 1, limits: [{ id: 'monthly', included: 100 }] },
  { customer: 'back', feature: 'chat', meter: 'calls', amount: 9, kind: 'void', limits: [month(100, 91)] },
  { customer: 'acme', feature: 'chat', meter: 'calls', amount: 21, kind: 'commit', limits: [month(1_000, 900)] },
];
const entry = buildEntry({
  chargedAtMs: AT + 5,
  facts,
  denials: [{ customer: 'acme', feature: 'chat', meter: 'calls', reason: 'limit_exceeded', amount: 1 }],
});

const quotaCharges = (fact: Fact): QuotaCharge[] =>
  fact.limits.flatMap(({ id, windowStartMs, after, included }) => {
    const { customer, feature, chargedAtMs } = fact;
    if (windowStartMs === null || fact.kind === 'void') return [];
    return [{ customer, feature, limit: id, windowStartMs, used: after, included, atMs: chargedAtMs }];
  });

test('the scanner finds what the decoder finds: every quota charge from its least amount on', () => {
  const all = decodeEntry(entry).facts.flatMap(quotaCharges);
  expect(new EntryScanner(() => 0).scan(entry)).toEqual(all);
  const near = new EntryScanner((_feature, _limit, included) => 0.8 * included).scan(entry);
  expect(near).toEqual(all.filter(({ used, included }) => used >= 0.8 * included));
  expect(near.map(({ customer, used }) => [customer, used])).toEqual([
    ['ümlaut', 80],
    ['acme', 900],
  ]);
});

test('bytes that are no entry are refused, wherever they end', () => {
  const scanner = new EntryScanner(() => 0);
  const factsEnd = entry.length - 60;
  for (let length = 0; length < factsEnd; length++)
    expect(() => scanner.scan(entry.subarray(0, length))).toThrow(RangeError);
});
