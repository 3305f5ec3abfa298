import type { FeatureUsage } from '../../../engine/index.js';
import { type ResolvedWindow, windowAt } from '../../../engine/limits/window.js';

/** Numbers of a few customers of the sample catalog, the same at every run but for the time they are told at. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const month = (timezone: string, anchor: string | null): ResolvedWindow => ({
  every: 'month',
  anchorMs: anchor === null ? null : Date.parse(anchor),
  timezone,
});
const day = (timezone: string): ResolvedWindow => ({ every: 'day', anchorMs: null, timezone });

export const ACME_MONTH = month('Europe/Berlin', '2026-01-31T10:00:00Z');

export interface NearRow {
  readonly customer: string;
  readonly plan: string;
  readonly feature: string;
  readonly meter: string;
  readonly limit: string;
  readonly included: number;
  readonly used: number;
  readonly percent: number;
  readonly windowStart: string;
  readonly windowEnd: string | null;
  readonly reachesAt: string | null;
}

function near(
  [customer, plan]: readonly [string, string],
  [feature, limit]: readonly [string, string],
  [used, included]: readonly [number, number],
  window: ResolvedWindow,
  nowMs: number,
): NearRow {
  const { startMs, endMs } = windowAt(window, nowMs);
  return {
    customer,
    plan,
    feature,
    meter: feature === 'chat' ? 'tokens' : 'calls',
    limit,
    included,
    used,
    percent: Math.round((used * 10_000) / included) / 100,
    windowStart: new Date(startMs).toISOString(),
    windowEnd: new Date(endMs).toISOString(),
    reachesAt: null,
  };
}

/** As the report answers, but in no order: the page must not rely on the server's. */
export function nearRows(nowMs: number): NearRow[] {
  const chat = ['chat', 'monthly'] as const;
  const api = ['api', 'daily'] as const;
  return [
    {
      ...near(['initech', 'free'], chat, [97_412, 100_000], month('America/Chicago', null), nowMs),
      reachesAt: new Date(nowMs + 7.5 * 3_600_000).toISOString(),
    },
    near(['acme', 'pro'], chat, [1_412_850, 1_500_000], ACME_MONTH, nowMs),
    near(['globex', 'enterprise'], chat, [22_815_344, 20_000_000], month('America/New_York', null), nowMs),
    near(['kaori', 'pro'], api, [18_204, 20_000], day('Asia/Tokyo'), nowMs),
    near(['mumbai-labs', 'free'], api, [500, 500], day('Asia/Kolkata'), nowMs),
    near(['mumbai-labs', 'free'], chat, [81_950, 100_000], month('Asia/Kolkata', '2026-02-01T00:00:00Z'), nowMs),
    near(['northwind-traders-international', 'pro'], chat, [845_113, 1_000_000], month('UTC', null), nowMs),
    near(['hooli', 'enterprise'], chat, [11_204_880, 20_000_000], month('America/Los_Angeles', null), nowMs),
    near(['kaori', 'pro'], chat, [531_207, 1_000_000], month('Asia/Tokyo', '2026-03-15T00:00:00Z'), nowMs),
  ];
}

/** acme's counters, which the console polls. */
export function acmeUsage(nowMs: number): { version: number; features: Record<string, FeatureUsage> } {
  return {
    version: 17,
    features: {
      chat: {
        scale: 0,
        limits: {
          monthly: {
            kind: 'quota',
            included: 1_500_000,
            used: 1_412_850,
            reserved: 12_000,
            overage: 0,
            remaining: 75_150,
            headroom: 175_150,
            resetAtMs: windowAt(ACME_MONTH, nowMs).endMs,
          },
          burst: { kind: 'bucket', capacity: 20_000, remaining: 16_230 },
        },
      },
      api: {
        scale: 0,
        limits: {
          daily: {
            kind: 'quota',
            included: 20_000,
            used: 6_218,
            reserved: 0,
            overage: 0,
            remaining: 13_782,
            headroom: 13_782,
            resetAtMs: windowAt(day('Europe/Berlin'), nowMs).endMs,
          },
          rate: { kind: 'bucket', capacity: 100, remaining: 100 },
          parallel: { kind: 'concurrency', slots: 8, inUse: 3, remaining: 5 },
        },
      },
    },
  };
}

/** Tokens of one hour: busy days, quiet nights and weekends, and a little of everything. */
function tokensIn(hour: number): number {
  const date = new Date(hour * HOUR_MS);
  const weekend = date.getUTCDay() === 0 || date.getUTCDay() === 6;
  const daytime = Math.max(0, Math.sin(((date.getUTCHours() - 5) / 14) * Math.PI));
  const noise = ((hour * 2_654_435_761) % 1_000) / 1_000;
  return Math.round((440 + 7_700 * daytime * (0.6 + 0.8 * noise)) * (weekend ? 0.25 : 1));
}

/** What was used in a half-open span of whole hours, up to now. */
export function usedBetween(meter: string, fromMs: number, toMs: number, nowMs: number): number {
  let sum = 0;
  for (let hour = Math.floor(fromMs / HOUR_MS); hour * HOUR_MS < Math.min(toMs, nowMs); hour++) sum += tokensIn(hour);
  return meter === 'tokens' ? sum : Math.round(sum / 210);
}

export function denialRows(nowMs: number): Record<string, unknown>[] {
  const at = (minutesAgo: number): string => new Date(nowMs - minutesAgo * 60_000).toISOString();
  const monthly = { used: 1_599_200, included: 1_500_000 };
  return [
    { at: at(4), reason: 'limit_exceeded', deniedBy: ['burst'], amount: 26_400, count: 3, burst: 1_120 },
    { at: at(51), reason: 'limit_exceeded', deniedBy: ['burst'], amount: 18_000, count: 1, burst: 9_700 },
    {
      at: at(60 * 20),
      reason: 'limit_exceeded',
      deniedBy: ['monthly', 'burst'],
      amount: 912_000,
      count: 128,
      burst: 0,
    },
    { at: at(60 * 49), reason: 'suspended', deniedBy: [], amount: 900, count: 1, burst: 20_000 },
  ].map(({ burst, ...row }) => ({
    ...row,
    customer: 'acme',
    feature: 'chat',
    meter: 'tokens',
    limits: { monthly, burst: { used: burst, included: 20_000 } },
    version: 16,
  }));
}

export function auditRows(nowMs: number): Record<string, unknown>[] {
  const plan = (amount: number) => ({
    id: 'pro',
    features: { chat: { limits: [{ id: 'monthly', kind: 'quota', amount }] }, sso: true },
  });
  const base = { owner: 'file', actor: 'file:sample.yaml' };
  return [
    {
      ...base,
      at: new Date(nowMs - 2 * DAY_MS).toISOString(),
      version: 17,
      type: 'customer',
      id: 'acme',
      before: { id: 'acme', plan: 'pro', addons: [] },
      after: { id: 'acme', plan: 'pro', addons: ['more-tokens'] },
    },
    {
      ...base,
      at: new Date(nowMs - 9 * DAY_MS).toISOString(),
      version: 16,
      type: 'plan',
      id: 'pro',
      before: plan(800_000),
      after: plan(1_000_000),
    },
    {
      ...base,
      at: new Date(nowMs - 20 * DAY_MS).toISOString(),
      version: 1,
      type: 'plan',
      id: 'pro',
      before: null,
      after: plan(800_000),
    },
  ];
}

export function utilizationRows(): Record<string, unknown>[] {
  const base = { customer: 'acme', plan: 'pro', deniedAmount: 0, peakDay: '2026-11-17' };
  return [
    {
      ...base,
      feature: 'api',
      meter: 'calls',
      limit: 'daily',
      included: 600_000,
      used: 186_540,
      overage: 0,
      deniedCount: 0,
      peakDayUsed: 9_412,
    },
    {
      ...base,
      feature: 'chat',
      meter: 'tokens',
      limit: 'monthly',
      included: 1_500_000,
      used: 1_531_200,
      overage: 31_200,
      deniedCount: 133,
      peakDayUsed: 82_700,
    },
  ];
}
