import { plansSchema } from '../../reports/plans.js';
import { nearRows } from './fixture-data.js';

/** Numbers of the pages over all accounts: overview, plans, signals, finance, forecasts, alerts. */

const DAY_MS = 86_400_000;

const iso = (ms: number): string => new Date(ms).toISOString();

/** @param round how often it was asked for: traffic that moves a little. */
export function overviewAnswer(nowMs: number, round: number) {
  const rows = nearRows(nowMs)
    .filter(({ percent }) => percent >= 80)
    .sort((left, right) => right.percent - left.percent);
  const wave = Math.sin(round / 3);
  return {
    asOf: iso(nowMs),
    problems: [] as string[],
    gateways: [0, 1].map((index) => ({ gateway: `web-1/gateway-${index}`, at: iso(nowMs), depth: 3, version: 17 })),
    traffic: {
      checksPerSecond: Math.round(8_420 + 900 * wave),
      deniedPerSecond: 61.4,
      degradedPerSecond: 0,
      eventsPerSecond: 1_250.2,
      rejectedEventsPerSecond: 0,
      failuresPerSecond: 0,
      deniedByReason: { limit_exceeded: 58.2, not_entitled: 2.6, suspended: 0.6 },
      latencyMs: { p50: 0.31, p95: 0.84, p99: 1.62 },
    },
    outbox: { entries: 12, bytes: 48_300, lagSeconds: 0.08 },
    relay: { entries: 1_204_331, failures: 0 },
    stream: { messages: 8_112, bytes: 41_200_000, behind: 2, deadLetters: 0 },
    sink: { lagSeconds: 0.62, failures: 0, rows: 24_118_900 },
    ledger: { facts: 24_118_900, newestAt: iso(nowMs - 900) },
    drift: { windows: 0, compared: 3_912, lastRoundAt: iso(nowMs - 240_000) },
    nearLimits: {
      threshold: 80,
      limits: rows.length,
      customers: new Set(rows.map(({ customer }) => customer)).size,
      exhausted: rows.filter(({ percent }) => percent >= 100).length,
      more: false,
      rows: rows.slice(0, 5),
    },
    customers: 2_000,
    version: 17,
  };
}

export function plansAnswer() {
  const limit = (feature: string, id: string, every: string, included: number, distribution: number[]) => {
    const from = (tenth: number): number => distribution.slice(tenth).reduce((sum, count) => sum + count, 0);
    return {
      feature,
      limit: id,
      every,
      included,
      using: from(0),
      near: from(8),
      exhausted: from(10),
      distribution,
    };
  };
  return plansSchema.parse({
    rows: [
      {
        plan: 'enterprise',
        name: 'Enterprise',
        customers: 112,
        near: 9,
        limits: [limit('chat', 'monthly', 'month', 20_000_000, [8, 14, 21, 19, 16, 11, 8, 5, 4, 2, 3])],
      },
      {
        plan: 'free',
        name: 'Free',
        customers: 1_240,
        near: 291,
        limits: [
          limit('chat', 'monthly', 'month', 100_000, [310, 140, 96, 74, 61, 52, 44, 39, 61, 70, 122]),
          limit('api', 'daily', 'day', 500, [512, 88, 31, 20, 14, 9, 8, 6, 5, 11, 30]),
        ],
      },
      {
        plan: 'pro',
        name: 'Pro',
        customers: 648,
        near: 77,
        limits: [
          limit('chat', 'monthly', 'month', 1_000_000, [61, 72, 88, 95, 81, 64, 49, 40, 31, 22, 19]),
          limit('api', 'daily', 'day', 20_000, [320, 101, 44, 21, 12, 8, 5, 3, 2, 1, 0]),
        ],
      },
    ],
  });
}

export const accountRows = () =>
  Array.from({ length: 120 }, (_, index) => {
    const id = index === 3 ? 'acme' : `customer-${String(index).padStart(3, '0')}`;
    return {
      customer: id,
      name: index === 3 ? 'Acme GmbH' : `Customer ${index}`,
      plan: index % 3 === 0 ? 'pro' : 'free',
      status: index % 40 === 7 ? 'suspended' : 'active',
    };
  }).sort((left, right) => (left.customer < right.customer ? -1 : 1));

export function eventRows(nowMs: number): Record<string, unknown>[] {
  return Array.from({ length: 23 }, (_, index) => ({
    at: iso(nowMs - index * 412_000),
    happenedAt: iso(nowMs - index * 412_000 - (index === 2 ? 7_200_000 : 0)),
    customer: 'acme',
    feature: index % 4 === 3 ? 'api' : 'chat',
    meter: index % 4 === 3 ? 'calls' : 'tokens',
    amount: index === 5 ? -2_400 : index % 4 === 3 ? 1 : 700 + ((index * 917) % 5_000),
    kind: index === 5 ? 'void' : index % 4 === 3 ? 'check' : 'record',
    late: index === 9,
    source: index % 4 === 3 ? 'check' : 'https://api.acme.example/llm',
    ...(index % 4 === 3 ? {} : { id: `req-${81_000 - index}` }),
    dimensions: index % 4 === 3 ? {} : { model: index % 2 === 0 ? 'large' : 'small', region: 'eu' },
    limits: {},
    version: 17,
  }));
}

export interface FixtureSignal {
  readonly id: string;
  readonly kind: string;
  readonly customer: string;
  state: string;
  snoozedUntil: string | null;
  readonly [field: string]: unknown;
}

export function signalRows(nowMs: number): FixtureSignal[] {
  const base = (id: string, days: number) => ({
    id,
    firstSeen: iso(nowMs - days * DAY_MS),
    lastSeen: iso(nowMs - 3_600_000),
    state: 'open',
    snoozedUntil: null,
  });
  return [
    {
      ...base('s1', 6),
      kind: 'upsell',
      rule: 'reaches-limit',
      customer: 'acme',
      plan: 'pro',
      feature: 'chat',
      limit: 'monthly',
      score: 91,
      reason: 'Will have used its 1,500,000 tokens about five days before the month ends.',
      numbers: { used: 1_412_850, included: 1_500_000, expected: 1_704_000 },
    },
    {
      ...base('s2', 12),
      kind: 'churn',
      rule: 'use-down',
      customer: 'northwind-traders-international',
      plan: 'pro',
      feature: 'chat',
      limit: 'monthly',
      score: 78,
      reason: 'Use is down by 64 % against the four weeks before.',
      numbers: { used: 102_113, before: 283_647, changePercent: -64 },
    },
    {
      ...base('s3', 2),
      kind: 'upsell',
      rule: 'wants-feature',
      customer: 'initech',
      plan: 'free',
      feature: 'sso',
      limit: null,
      score: 55,
      reason: 'Asked 14 times for a feature that its plan does not have.',
      numbers: { denied: 14 },
    },
  ];
}

export function forecastRows(endMs: number, nowMs: number): Record<string, unknown>[] {
  return [
    {
      customer: 'acme',
      feature: 'chat',
      limit: 'monthly',
      window: { start: iso(endMs - 30 * DAY_MS), end: iso(endMs) },
      included: 1_500_000,
      cap: 1_600_000,
      used: 1_412_850,
      expected: 1_704_000,
      low: 1_560_000,
      high: 1_850_000,
      reachesAt: iso(nowMs + (endMs - nowMs) / 2),
      reachesFrom: iso(nowMs + (endMs - nowMs) / 3),
      reachesTo: iso(endMs),
      asOf: iso(nowMs),
    },
  ];
}

export function alertRows(nowMs: number): Record<string, unknown>[] {
  const base = { customer: 'acme', plan: 'pro', entity: null, feature: 'chat', limit: 'monthly', included: 1_500_000 };
  return [
    { ...base, id: 'a2', at: iso(nowMs - 3 * DAY_MS), kind: 'threshold', threshold: 80, used: 1_200_400, window: null },
    {
      ...base,
      id: 'a1',
      at: iso(nowMs - 33 * DAY_MS),
      kind: 'cap_reached',
      threshold: 100,
      used: 1_500_000,
      window: null,
    },
  ];
}

/** @param copies how often each customer is there, under another name. */
export function financeRows(period: string, copies: number): Record<string, unknown>[] {
  const [year = 0, month = 0] = period.split('-').map(Number);
  const window = { windowStart: iso(Date.UTC(year, month - 1, 1)), windowEnd: iso(Date.UTC(year, month, 1)) };
  const named = ['acme', 'globex', 'initech', 'kaori', 'mumbai-labs', 'northwind-traders-international'];
  const customers = Array.from({ length: copies }, (_, copy) =>
    named.map((name) => (copy === 0 ? name : `${name}-${copy}`)),
  ).flat();
  return customers.map((customer, index) => {
    const included = 1_000_000 + (index === 0 ? 500_000 : 0);
    const used = 310_000 + ((index * 733_117) % 1_400_000);
    const overage = Math.max(0, used - included);
    return {
      customer,
      plan: index % 2 === 0 ? 'pro' : 'free',
      feature: 'chat',
      limit: 'monthly',
      ...window,
      adjusts: null,
      opening: 0,
      included,
      addons: index === 0 ? 500_000 : 0,
      used,
      overage,
      voided: index === 2 ? 4_200 : 0,
      late: index === 1 ? 1_310 : 0,
      closing: Math.max(0, included - used),
      utilizationPercent: Math.round((used * 10_000) / included) / 100,
      peakDay: `${period}-17`,
      deniedCount: index === 1 ? 133 : 0,
      deniedAmount: index === 1 ? 912_000 : 0,
    };
  });
}
