import { describe, expect, it } from 'vitest';
import {
  type CheckRequest,
  type Decision,
  type LimitState,
  NO_POLICY,
  type RateLimitPolicy,
} from '../../engine/index.js';
import { decisionText, limitsText, outcomeText } from './decision-json.js';
import { rateLimitHeaders } from './rate-limit.js';

const resetAtMs = Date.UTC(2026, 11, 1, 0, 0, 0, 1);
const quota: LimitState = {
  kind: 'quota',
  included: 100_000,
  used: 900,
  reserved: 0,
  overage: 0,
  remaining: 99_100,
  headroom: 109_100,
  resetAtMs,
};
const bucket: LimitState = { kind: 'bucket', capacity: 5_000, remaining: 4_100 };
const decision: Decision = {
  allowed: true,
  reason: 'ok',
  deniedBy: [],
  shadowDeniedBy: [],
  retryAfterMs: 0,
  crossed: [],
  limits: { monthly: quota, burst: bucket },
  remaining: 4_100,
  resetAtMs: null,
  replayed: false,
  degraded: false,
  version: 17,
};
const policy: RateLimitPolicy = {
  text: '"monthly";q=100000;w=2592000, "burst";q=5000;w=5',
  items: [
    { limit: 'monthly', quoted: '"monthly"' },
    { limit: 'burst', quoted: '"burst"' },
  ],
};
const request: CheckRequest = { customer: 'acme', feature: 'chat', amount: 900, dryRun: false };

describe('a decision as text', () => {
  it('is what the contract shows', () => {
    expect(decisionText(request, decision, 0)).toBe(
      '{"allowed":true,"reason":"ok","customer":"acme","feature":"chat","amount":900,"remaining":4100,"resetAt":null,' +
        '"retryAfterMs":0,"deniedBy":[],"warnings":[],"replayed":false,"degraded":false,"version":17,"limits":{"monthly":' +
        '{"kind":"quota","included":100000,"used":900,"reserved":0,"overage":0,"remaining":99100,"headroom":109100,' +
        '"resetAt":"2026-12-01T00:00:00.001Z"},"burst":{"kind":"bucket","capacity":5000,"remaining":4100}}}',
    );
  });

  it('has everything when there is something to say', () => {
    const denied: Decision = {
      ...decision,
      allowed: false,
      reason: 'limit_exceeded',
      deniedBy: ['monthly', 'team/"daily"'],
      shadowDeniedBy: ['trial'],
      retryAfterMs: null,
      crossed: [{ limit: 'monthly', threshold: 80 }],
      remaining: null,
      resetAtMs,
      replayed: true,
      degraded: true,
      value: 'x"y',
      limits: { monthly: { ...quota, headroom: null, resetAtMs: null, reserved: 7 } },
    };
    expect(JSON.parse(decisionText(request, denied, 0))).toEqual({
      allowed: false,
      reason: 'limit_exceeded',
      customer: 'acme',
      feature: 'chat',
      amount: 900,
      remaining: null,
      resetAt: '2026-12-01T00:00:00.001Z',
      retryAfterMs: null,
      deniedBy: ['monthly', 'team/"daily"'],
      shadowDeniedBy: ['trial'],
      warnings: [{ limit: 'monthly', threshold: 80 }],
      replayed: true,
      degraded: true,
      version: 17,
      value: 'x"y',
      limits: {
        monthly: {
          kind: 'quota',
          included: 100_000,
          used: 900,
          reserved: 7,
          overage: 0,
          remaining: 99_100,
          headroom: null,
          resetAt: null,
        },
      },
    });
  });

  it('escapes what ids may hold', () => {
    for (const id of ['plain', 'a"b\\c', 'ü 日本 🚀', '</script>', "'"]) {
      const text = decisionText({ ...request, customer: id, feature: id }, { ...decision, deniedBy: [id] }, 0);
      expect(JSON.parse(text)).toMatchObject({ customer: id, feature: id, deniedBy: [id] });
      expect(JSON.parse(limitsText({ [id]: bucket }, 0))).toEqual({
        [id]: { kind: 'bucket', capacity: 5_000, remaining: 4_100 },
      });
    }
  });

  it('shows amounts at the meter’s scale, and what was sent in its plainest form', () => {
    const text = decisionText({ ...request, amount: '0.0009' }, decision, 6);
    expect(JSON.parse(text)).toMatchObject({
      amount: '0.0009',
      remaining: '0.0041',
      limits: { monthly: { included: '0.1', used: '0.0009', reserved: '0' }, burst: { capacity: '0.005' } },
    });
    expect(JSON.parse(decisionText({ ...request, amount: '00900' }, decision, 0))).toMatchObject({ amount: 900 });
    const largest = { ...request, amount: Number.MAX_SAFE_INTEGER };
    expect(JSON.parse(decisionText(largest, decision, 0))).toMatchObject({ amount: 9_007_199_254_740_991 });
  });

  it('is an error where the engine failed', () => {
    const failed = { status: 'failed', code: 'id_conflict', message: 'The id was used.' } as const;
    expect(JSON.parse(outcomeText(request, failed, 3))).toEqual({
      error: {
        code: 'id_conflict',
        message: 'The id was used.',
        field: 'checks[3].id',
        docs: 'docs/errors.md#id_conflict',
      },
    });
  });
});

describe('the RateLimit fields', () => {
  const headers = (changes: Partial<Decision>): Record<string, string> =>
    rateLimitHeaders(policy, { ...decision, ...changes }, resetAtMs - 86_400_000);

  it('tell the policy of the limits, and what is left of each', () => {
    expect(headers({})).toEqual({
      'ratelimit-policy': '"monthly";q=100000;w=2592000, "burst";q=5000;w=5',
      ratelimit: '"monthly";r=99100;t=86400, "burst";r=4100',
    });
    expect(rateLimitHeaders(NO_POLICY, { ...decision, limits: {} }, resetAtMs)).toEqual({});
  });

  it('leave out what a remembered answer does not have, and keep within the integers of a structured field', () => {
    const limits = { burst: { ...bucket, remaining: Number.MAX_SAFE_INTEGER } };
    expect(headers({ limits }).ratelimit).toBe('"burst";r=999999999999999');
    expect(Object.keys(headers({ limits: {} }))).toEqual(['ratelimit-policy']);
  });

  it('say when to come back, rounded up, on a denial that can end', () => {
    const denied = { allowed: false, reason: 'limit_exceeded' } as const;
    expect(headers({ ...denied, retryAfterMs: 1_001 })['retry-after']).toBe('2');
    expect(headers({ ...denied, retryAfterMs: 1 })['retry-after']).toBe('1');
    expect(headers({ ...denied, retryAfterMs: null })['retry-after']).toBeUndefined();
    expect(headers({ retryAfterMs: 0 })['retry-after']).toBeUndefined();
  });
});
