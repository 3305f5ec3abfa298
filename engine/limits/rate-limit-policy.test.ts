import { describe, expect, it } from 'vitest';
import { NO_POLICY } from '../contract/decision.js';
import type { BucketRule, QuotaRule, Rule } from './limit-set.js';
import { policyOf } from './rate-limit-policy.js';
import { boundaries, type ResolvedWindow } from './window.js';

const onUnavailable = 'deny';
const bucket: BucketRule = {
  kind: 'bucket',
  name: 'burst',
  shadow: false,
  onUnavailable,
  capacity: 20_000,
  amount: 5,
  everyMs: 1,
};
const quota = (every: ResolvedWindow['every'], atMs: number, timezone = 'UTC'): QuotaRule => {
  const window: ResolvedWindow = { every, anchorMs: null, timezone };
  const rule = {
    kind: 'quota',
    name: 'monthly',
    shadow: false,
    onUnavailable,
    included: 1_000,
    hard: null,
    percents: [],
  } as const;
  return { ...rule, window, boundaries: boundaries(window, atMs) };
};
const text = (...rules: Rule[]): string => policyOf(rules).text;

describe('the RateLimit-Policy of a set of limits', () => {
  it('has the length of each window, which in a calendar depends on the month and the zone', () => {
    expect(text(quota('month', Date.UTC(2026, 10, 5)), bucket)).toBe('"monthly";q=1000;w=2592000, "burst";q=20000;w=4');
    expect(text(quota('month', Date.UTC(2026, 1, 5)))).toBe('"monthly";q=1000;w=2419200');
    expect(text(quota('day', Date.UTC(2026, 2, 29, 12), 'Europe/Berlin'))).toBe('"monthly";q=1000;w=82800');
    expect(text(quota('minute', 0))).toBe('"monthly";q=1000;w=60');
  });

  it('has no window for a lifetime and for slots', () => {
    const slots: Rule = { kind: 'concurrency', name: 'parallel', shadow: false, onUnavailable, slots: 3 };
    expect(text(quota('lifetime', 0), slots)).toBe('"monthly";q=1000, "parallel";q=3');
  });

  it('tells of a bucket in how many seconds it fills up, exactly and rounded up', () => {
    expect(text({ ...bucket, capacity: 1, amount: 1, everyMs: 1 })).toBe('"burst";q=1;w=1');
    expect(text({ ...bucket, capacity: 10, amount: 3, everyMs: 1_000 })).toBe('"burst";q=10;w=4');
    expect(text({ ...bucket, capacity: 0, amount: 3, everyMs: 1_000 })).toBe('"burst";q=0;w=1');
    expect(text({ ...bucket, capacity: Number.MAX_SAFE_INTEGER, amount: 1, everyMs: 86_400_000 })).toBe(
      '"burst";q=999999999999999;w=999999999999999',
    );
  });

  it('leaves out limits in shadow, for which nobody should slow down', () => {
    expect(policyOf([{ ...bucket, shadow: true }, quota('hour', 0)])).toEqual({
      text: '"monthly";q=1000;w=3600',
      items: [{ limit: 'monthly', quoted: '"monthly"' }],
    });
    expect(policyOf([{ ...bucket, shadow: true }])).toBe(NO_POLICY);
    expect(policyOf([])).toBe(NO_POLICY);
  });

  it('spells ids that a structured field cannot carry', () => {
    expect(text({ ...bucket, name: 'a"b\\c ü' })).toBe('"a\\"b\\\\c %C3%BC";q=20000;w=4');
    expect(text({ ...bucket, name: 'team/\u{1f680}' })).toBe('"team/%F0%9F%9A%80";q=20000;w=4');
  });
});
