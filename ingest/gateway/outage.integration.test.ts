import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';
import { type Child, startChild } from '../../loadtest/harness/child.js';
import { freePorts } from '../../loadtest/harness/ports.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { ADMIN_KEY } from '../http/edge-support.js';
import { useRealGateways } from './engine-support.js';

/** The gateway as a process: Redis goes away under it, it dies with its spool, its disk is full. */

const CATALOG = `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.tokens }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: strict, kind: metered, meter: tokens }
plans:
  - id: pro
    features:
      chat: { limits: [{ id: life, kind: quota, amount: 100000000, window: { every: lifetime }, onUnavailable: allow }] }
      strict: { limits: [{ id: life, kind: quota, amount: 100000000, window: { every: lifetime } }] }
customers:
  - { id: acme, plan: pro }
  - { id: ulimit, plan: pro }
`;

const bench = useRealGateways(CATALOG, 1);
let home: string;
let port = 0;
let gateway: Child | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'weir-gateway-'));
});
afterEach(async () => {
  await bench().redis.kill('SIGCONT');
  await gateway?.stop();
  gateway = undefined;
  await rm(home, { recursive: true, force: true });
});

/** @param blocks of 512 bytes that a file may have; left out, as many as there is room for. */
async function start(blocks?: number): Promise<void> {
  [port = 0] = await freePorts(1);
  const main = join(packageRoot(), 'dist/ingest/gateway/main.js');
  const limit = blocks === undefined ? '' : `ulimit -f ${blocks}; `;
  gateway = await startChild('/bin/sh', ['-c', `${limit}exec "$0" "$1"`, process.execPath, main], {
    env: {
      ...process.env,
      REDIS_URL: bench().redis.url,
      WEIR_HOME: home,
      WEIR_PORT: String(port),
      WEIR_ADMIN_KEY: ADMIN_KEY,
      WEIR_STORE_FATE_MS: '200',
      WEIR_LOG_LEVEL: 'warn',
    },
  });
  await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, {
    timeoutMs: 30_000,
    what: 'the gateway to be ready',
  });
}

const headers = { 'x-weir-key': ADMIN_KEY, 'content-type': 'application/json' };
interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Record<string, unknown>;
}

async function post(path: string, body: object): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: text === '' ? {} : JSON.parse(text),
  };
}
const check = (more: object = {}): Promise<Answer> => post('/v1/check', { customer: 'acme', feature: 'chat', ...more });

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** Stops Redis, and asks until the gateway decides without it. */
async function takeRedisAway(customer = 'acme'): Promise<void> {
  await bench().redis.kill('SIGSTOP');
  await waitFor(async () => (await check({ customer, feature: 'strict' })).body.degraded === true, {
    timeoutMs: 20_000,
    what: 'a degraded answer',
  });
}

const spools = async (): Promise<string[]> => {
  const names = await readdir(join(home, 'spool')).catch(() => []);
  return names.filter((name) => name.endsWith('.spool'));
};
/** State of the customer's limit on chat, read past the gateway under test. */
async function lifeOf(customer: string): Promise<number> {
  const [{ engine } = { engine: undefined }] = bench().gateways;
  await waitFor(async () => (await engine?.ready())?.ready, { timeoutMs: 10_000, what: 'Redis' });
  const state = (await engine?.usage(customer))?.features.chat?.limits.life;
  return state?.kind === 'quota' ? state.used : Number.NaN;
}

test('a gateway that dies with its spool, and again while it is charged, charges every answer once', async () => {
  await start();
  expect((await check({ id: 'calm' })).body).toMatchObject({ allowed: true, degraded: false });
  await check({ feature: 'strict' });
  await takeRedisAway();
  let allowed = 1;
  // Each alone, so that the spool has as many frames.
  for (let index = 0; index < 1_500; index++) {
    const { body } = await check(index % 3 === 0 ? { id: `id-${index}` } : {});
    expect(body).toMatchObject({ allowed: true, degraded: true });
    allowed++;
  }
  expect((await check({ id: 'id-0' })).body).toMatchObject({ allowed: true, replayed: true, degraded: true });
  expect((await check({ id: 'id-0', amount: 2 })).status).toBe(409);
  expect((await check({ feature: 'strict' })).body).toMatchObject({
    allowed: false,
    reason: 'unavailable',
    degraded: true,
  });
  const gate = await fetch(`http://127.0.0.1:${port}/v1/gate?customer=acme&feature=strict`, { headers });
  expect(gate.status).toBe(503);
  const event = { specversion: '1.0', id: 'e', source: 's', type: 'llm.request', subject: 'acme', data: { tokens: 1 } };
  expect(await post('/v1/events', event)).toMatchObject({
    status: 503,
    retryAfter: '1',
    body: { error: { code: 'store_unavailable' } },
  });
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
  expect(await metric('weir_breaker_open')).toBe(1);
  expect(await metric('weir_breaker_opened_total')).toBe(1);
  expect(await metric('weir_spool_operations_total')).toBe(1_500);
  expect(await metric('weir_decisions_degraded_total')).toBeGreaterThan(1_500);

  gateway?.signal('SIGKILL');
  await gateway?.exited;
  expect(await spools()).toHaveLength(1);
  await bench().redis.kill('SIGCONT');
  expect(await lifeOf('acme')).toBe(1);

  await start();
  await waitFor(async () => (await lifeOf('acme')) > 1, {
    timeoutMs: 20_000,
    what: 'the spool to be charged in part',
  });
  gateway?.signal('SIGKILL');
  await gateway?.exited;
  await start();
  await waitFor(async () => (await spools()).length === 0, { timeoutMs: 30_000, what: 'the spool to be charged' });
  expect(await lifeOf('acme')).toBe(allowed);
  expect((await check({ id: 'id-3' })).body).toMatchObject({ replayed: true, degraded: false });
  expect(await lifeOf('acme')).toBe(allowed);
});

test('a disk that is full admits nothing that it does not keep, and what it kept is charged', async () => {
  await start(40);
  const customer = 'ulimit';
  await check({ customer, feature: 'strict' });
  await takeRedisAway(customer);
  // In small groups, so that some are kept before the disk is full, however the checks fall together.
  const answers: Awaited<ReturnType<typeof check>>[] = [];
  const isRefused = ({ status }: { status: number }) => status === 503;
  while (answers.filter(isRefused).length <= 10 && answers.length < 10_000) {
    answers.push(...(await Promise.all(Array.from({ length: 20 }, () => check({ customer })))));
  }
  const allowed = answers.filter(({ body }) => body.allowed === true).length;
  const refused = answers.filter(isRefused);
  expect(allowed + refused.length).toBe(answers.length);
  expect(allowed).toBeGreaterThan(10);
  expect(refused.length).toBeGreaterThan(10);
  for (const { body, retryAfter } of refused) {
    expect(retryAfter).toBe('1');
    expect(body).toMatchObject({ error: { code: 'store_unavailable', message: expect.stringContaining('EFBIG') } });
  }
  expect(await metric('weir_spool_failures_total')).toBeGreaterThan(0);
  await bench().redis.kill('SIGCONT');
  await waitFor(async () => (await spools()).length === 0, { timeoutMs: 30_000, what: 'the spool to be charged' });
  expect(await lifeOf(customer)).toBe(allowed);
});
