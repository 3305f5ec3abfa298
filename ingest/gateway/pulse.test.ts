import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { type Decision, type GatewayPulse, LATENCY_BOUNDS_SECONDS } from '../../engine/index.js';
import { HttpMetrics } from '../http/metrics.js';
import { GatewayMetrics } from './metrics.js';
import { Pulse } from './pulse.js';

const decision = (reason: Decision['reason']): Decision => ({ reason, degraded: false }) as Decision;

it('tells what was counted since the beat five before, whatever was counted earlier', async () => {
  const registry = new Registry();
  const gateway = new GatewayMetrics(registry);
  const http = new HttpMetrics(
    registry,
    () => 0,
    () => 0,
  );
  const told: GatewayPulse[] = [];
  const pulse = new Pulse({
    registry,
    pulses: { tell: async (each) => void told.push(each), forget: async () => undefined },
    gateway: 'host/gateway-0',
    engine: { depth: 7, outboxBytes: 8, view: { version: 9 } },
    log: { warn: () => undefined },
  });
  gateway.decided(decision('ok'));
  await pulse.beat(1_000);
  expect(told).toEqual([]);
  gateway.decided(decision('ok'));
  gateway.decided(decision('limit_exceeded'));
  gateway.recorded({ accepted: 3, duplicates: 0, rejected: [{ code: 'unknown_customer' }] });
  http.duration('/v1/check').observeMs(0.6);
  http.duration('/v1/check').observeMs(20_000);
  http.duration('/v1/usage').observeMs(3);
  http.counter('/v1/check', 'POST', 503).inc();
  await pulse.beat(2_000);
  expect(told[0]).toMatchObject({
    gateway: 'host/gateway-0',
    atMs: 2_000,
    spanMs: 1_000,
    decisions: { ok: 1, limit_exceeded: 1 },
    events: { accepted: 3, rejected: 1 },
    failures: 1,
    depth: 7,
    outboxBytes: 8,
    version: 9,
  });
  expect(told[0]?.latency.reduce((sum, count) => sum + count, 0)).toBe(2);
  for (let second = 3; second <= 8; second++) await pulse.beat(second * 1_000);
  expect(told.at(-1)).toMatchObject({ spanMs: 5_000, decisions: { ok: 0, limit_exceeded: 0 }, failures: 0 });
});

it('every bound of a pulse is one of the histogram that it is read from', async () => {
  const registry = new Registry();
  const http = new HttpMetrics(
    registry,
    () => 0,
    () => 0,
  );
  const told: GatewayPulse[] = [];
  const pulse = new Pulse({
    registry,
    pulses: { tell: async (each) => void told.push(each), forget: async () => undefined },
    gateway: 'host/gateway-0',
    engine: { depth: 0, outboxBytes: 0, view: { version: 1 } },
    log: { warn: () => undefined },
  });
  await pulse.beat(1_000);
  for (const bound of LATENCY_BOUNDS_SECONDS) http.duration('/v1/gate').observeMs(bound * 999);
  await pulse.beat(2_000);
  expect(told[0]?.latency).toEqual([...LATENCY_BOUNDS_SECONDS.map(() => 1), 0]);
});

it('a Redis that is away is said once, and does not end it', async () => {
  const warnings: unknown[] = [];
  const pulse = new Pulse({
    registry: new Registry(),
    pulses: {
      tell: () => Promise.reject(new Error('away')),
      forget: () => Promise.reject(new Error('away')),
    },
    gateway: 'host/gateway-0',
    engine: { depth: 0, outboxBytes: 0, view: { version: 1 } },
    log: { warn: (line: unknown) => void warnings.push(line) },
  });
  for (let second = 1; second <= 5; second++) await pulse.beat(second * 1_000);
  await pulse.stop();
  expect(warnings).toHaveLength(1);
});
