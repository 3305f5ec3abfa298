import { expect, it } from 'vitest';
import { type GatewayPulse, LATENCY_BOUNDS_SECONDS } from '../../engine/index.js';
import { MetricsText } from './metrics-text.js';
import { quantileSeconds, trafficOf } from './traffic.js';

const counts = (byBound: Readonly<Record<number, number>>): number[] =>
  [...LATENCY_BOUNDS_SECONDS, Number.POSITIVE_INFINITY].map((bound) => byBound[bound] ?? 0);

const pulse = (more: Partial<GatewayPulse>): GatewayPulse => ({
  gateway: 'host/gateway-0',
  atMs: 10_000,
  spanMs: 5_000,
  decisions: {},
  degraded: 0,
  events: {},
  failures: 0,
  latency: counts({}),
  depth: 0,
  version: 1,
  outboxBytes: 0,
  ...more,
});

it('rates are those of all gateways together, each over its own span', () => {
  const traffic = trafficOf([
    pulse({ decisions: { ok: 900, overage: 50, limit_exceeded: 50 }, events: { accepted: 20, rejected: 5 } }),
    pulse({ spanMs: 1_000, decisions: { ok: 10, suspended: 2 }, degraded: 3, failures: 1, events: { duplicate: 1 } }),
  ]);
  expect(traffic).toMatchObject({
    checksPerSecond: 212,
    deniedPerSecond: 12,
    degradedPerSecond: 3,
    eventsPerSecond: 5,
    rejectedEventsPerSecond: 1,
    failuresPerSecond: 1,
    deniedByReason: { limit_exceeded: 10, suspended: 2 },
    latencyMs: null,
  });
});

it('quantiles lie within their bucket, and at the last bound when above all', () => {
  expect(quantileSeconds(counts({}), 0.5)).toBeUndefined();
  expect(quantileSeconds(counts({ 0.001: 100 }), 0.5)).toBeCloseTo(0.000_75, 9);
  expect(quantileSeconds(counts({ 0.001: 90, 0.01: 10 }), 0.95)).toBeCloseTo(0.007_5, 9);
  expect(quantileSeconds(counts({ [Number.POSITIVE_INFINITY]: 1 }), 0.99)).toBe(10);
  expect(trafficOf([pulse({ latency: counts({ 0.001: 100 }) })]).latencyMs).toEqual({
    p50: 0.75,
    p95: 0.975,
    p99: 0.995,
  });
});

it('series of one name are added up, whatever their labels', () => {
  const text = new MetricsText(
    '# HELP weir_rows x\nweir_rows{shard="s00"} 2\nweir_rows{shard="s01"} 3.5\nweir_lag 0.25\nweir_dead NaN\n',
  );
  expect([text.sum('weir_rows'), text.sum('weir_lag'), text.sum('weir_dead'), text.sum('weir_none')]).toEqual([
    5.5,
    0.25,
    null,
    null,
  ]);
});
