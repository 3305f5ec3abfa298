import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEngine, type WeirEngine } from '../engine/index.js';
import { packageRoot } from '../engine/platform/assets.js';
import { startTracing, type Tracing } from '../engine/platform/tracing.js';
import { type Gateway, startGateway } from '../ingest/gateway/start.js';
import { ADMIN_KEY } from '../ingest/http/edge-support.js';
import { waitFor } from '../loadtest/harness/wait-for.js';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './test-support/otlp-receiver.js';
import { type System, startSystem } from './test-support/system.js';

/** The spans of one check, from its request to its row, as a collector receives them. */

const CATALOG = {
  meters: [{ id: 'tokens', eventType: 'llm.request', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [
    {
      id: 'pro',
      features: { chat: { limits: [{ id: 'monthly', kind: 'quota', amount: 1_000, window: { every: 'month' } }] } },
    },
  ],
  customers: [{ id: 'acme-secret', plan: 'pro' }],
};
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER_ID = 'b7ad6b7169203331';

let receiver: OtlpReceiver;
let tracing: Tracing | undefined;
let system: System;
let engine: WeirEngine;
let gateway: Gateway;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  // The SDK reads the environment itself.
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '50' });
  tracing = await startTracing(process.env, 'gateway-7');
  system = await startSystem(CATALOG, undefined, undefined, tracing);
  engine = await createEngine({ redis: system.redisUrl, storeTimeoutMs: 5_000, tracing });
  gateway = await startGateway({
    engine,
    keys: engine.view,
    host: '127.0.0.1',
    port: 0,
    adminKey: ADMIN_KEY,
    registry: new Registry(),
    log: { error: (...args: unknown[]) => console.error(...args) },
    tracing,
  });
}, 60_000);
afterAll(async () => {
  await gateway?.close();
  await engine?.close();
  await system?.stop();
  await tracing?.close();
  await receiver?.close();
});

const post = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
};
const named = (name: string): ReceivedSpan | undefined => receiver.spans.find((span) => span.name === name);
const inTrace = (): ReceivedSpan[] => receiver.spans.filter(({ traceId }) => traceId === TRACE_ID);

it('a check is one trace: its caller, the request, the lane, the call of the commit function', async () => {
  const traceparent = `00-${TRACE_ID}-${CALLER_ID}-01`;
  expect(await post('/v1/check', { customer: 'acme-secret', feature: 'chat', amount: 3 }, { traceparent })).toBe(200);
  await waitFor(() => inTrace().length === 3, { what: 'three spans', timeoutMs: 30_000 });
  const [request, lane, call] = ['POST /v1/check', 'lane', 'FCALL commit'].map((name) =>
    inTrace().find((span) => span.name === name),
  );
  expect(request?.parentSpanId).toBe(CALLER_ID);
  expect(lane?.parentSpanId).toBe(request?.spanId);
  expect(call?.parentSpanId).toBe(lane?.spanId);
  expect(request?.attributes).toMatchObject({ 'http.route': '/v1/check', 'http.response.status_code': 200 });
  expect(call?.attributes).toMatchObject({ 'db.system.name': 'redis', 'weir.shard': 's00' });
  expect(receiver.resources[0]).toMatchObject({ 'service.name': 'weir', 'service.instance.id': 'gateway-7' });
});

it('its fact is a publish, which names its place in the outbox, and an insert linked with it', async () => {
  const publish = (): ReceivedSpan | undefined =>
    receiver.spans.find(({ name, attributes }) => name === 'publish WEIR_FACTS' && attributes['weir.shard'] === 's00');
  const isLinked = ({ name, links }: ReceivedSpan): boolean =>
    name === 'insert clickhouse' && links.some(({ spanId }) => spanId === publish()?.spanId);
  await waitFor(() => receiver.spans.some(isLinked), { what: 'the linked insert', timeoutMs: 30_000 });
  expect(publish()?.attributes).toMatchObject({ 'messaging.system': 'nats', 'weir.outcome': 'published' });
  expect(publish()?.attributes['weir.outbox.first']).toMatch(/^\d+-\d+$/);
});

it('the general routes are traced as well, an error by its code; no span names a customer or a key', async () => {
  expect(await post('/v1/check/batch', { checks: [{ customer: 'acme-secret', feature: 'chat' }] })).toBe(200);
  expect(await post('/v1/nothing/acme-secret', {})).toBe(404);
  await waitFor(() => named('POST unmatched') !== undefined && named('POST /v1/check/batch') !== undefined, {
    what: 'their spans',
    timeoutMs: 30_000,
  });
  const batch = named('POST /v1/check/batch');
  expect(receiver.spans.some(({ name, parentSpanId }) => name === 'lane' && parentSpanId === batch?.spanId)).toBe(true);
  expect(receiver.text()).not.toContain('acme-secret');
  expect(receiver.text()).not.toContain(ADMIN_KEY);
});

it('where a caller did not sample its trace, nothing of it is sent', async () => {
  const traceId = '1af7651916cd43dd8448eb211c80319c';
  const body = { customer: 'acme-secret', feature: 'chat' };
  await post('/v1/check', body, { traceparent: `00-${traceId}-${CALLER_ID}-00` });
  await post('/v1/check', body, { traceparent: `00-${TRACE_ID}-${CALLER_ID}-01` });
  await waitFor(() => inTrace().length === 6, { what: 'the trace after it', timeoutMs: 30_000 });
  expect(receiver.spans.filter((span) => span.traceId === traceId)).toEqual([]);
});

it('without an endpoint tracing is off, and nothing of its SDK is loaded', async () => {
  const script = `
    const { startTracing } = await import('./dist/engine/platform/tracing.js');
    await import('./dist/ingest/gateway/start.js');
    await import('./dist/ingest/relay/start.js');
    const { createRequire } = await import('node:module');
    const loaded = () => Object.keys(createRequire(process.cwd() + '/x.js').cache).filter((path) => /@opentelemetry.(?!api)/.test(path));
    const off = [await startTracing({}, 'x'), await startTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://h', OTEL_SDK_DISABLED: 'true' }, 'x')];
    const before = loaded().length;
    await startTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://h' }, 'x');
    console.log(JSON.stringify({ off: off.every((each) => each === undefined), before, after: loaded().length > 0 }));
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: packageRoot(),
  });
  expect(JSON.parse(stdout)).toEqual({ off: true, before: 0, after: true });
});
