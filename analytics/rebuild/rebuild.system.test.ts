import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { assetPath } from '../../engine/platform/assets.js';
import { type Stack, startStack, waitFor } from '../../loadtest/harness/services.js';

/** A whole Weir that replays a usage log through kills, and then loses its Redis: process, files and all. */

const ROWS = 12_000;
const CUSTOMERS = 2_000;
const RUNS_MAX = 20;

const folder = mkdtempSync(join(tmpdir(), 'weir-rebuild-'));
const log = join(folder, 'usage.csv');
const limits = [
  { id: 'hourly', kind: 'quota', amount: 1_000_000_000, window: { every: 'hour' }, onUnavailable: 'allow' },
  { id: 'ever', kind: 'quota', amount: 1_000_000_000, window: { every: 'lifetime' }, onUnavailable: 'allow' },
];
let stack: Stack;

beforeAll(async () => {
  const catalog = join(folder, 'catalog.json');
  const document = {
    meters: [{ id: 'tokens', eventType: 'llm.request', aggregation: 'sum', value: '$.totalTokens' }],
    features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
    plans: [{ id: 'plan', features: { chat: { limits } } }],
    customers: [{ id: 'of-the-file', plan: 'plan' }],
  };
  writeFileSync(catalog, JSON.stringify(document));
  // As a log of inference is: a time, and tokens of a request. The last minutes, so that the windows are kept.
  const startMs = Date.now() - 120_000;
  const rows = Array.from({ length: ROWS }, (_, index) => {
    const at = new Date(startMs + index * 5).toISOString();
    return `${at},${(index * 7919) % 4_000},${(index * 104_729) % 900}`;
  });
  writeFileSync(log, `TIMESTAMP,ContextTokens,GeneratedTokens\n${rows.join('\n')}\n`);
  stack = await startStack({ env: { WEIR_CATALOG: catalog, WEIR_RECONCILE_SECONDS: '0' } });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.stop();
});

const headers = () => ({ authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' });

/** Runs a command of the CLI that prints JSON. */
function weir(...args: string[]): Promise<{ code: number; out: Record<string, unknown>; err: string }> {
  return new Promise((done, fail) => {
    const env = { PATH: process.env.PATH, WEIR_HOME: stack.home };
    const program = [assetPath('dist/ingest/cli/main.js'), ...args, '--json'];
    execFile(process.execPath, program, { env, cwd: folder, timeout: 240_000 }, (error, out, err) => {
      try {
        const code = error === null ? 0 : Number(error.code);
        done({ code, out: z.record(z.string(), z.unknown()).parse(JSON.parse(out === '' ? '{}' : out)), err });
      } catch (cause) {
        fail(new Error(`weir ${args[0]}: ${out}${err}`, { cause }));
      }
    });
  });
}

const get = async (path: string): Promise<Record<string, unknown>> => {
  const response = await fetch(`${stack.console}${path}`, { headers: headers() });
  return z.record(z.string(), z.unknown()).parse(await response.json());
};

async function check(customer: string): Promise<Record<string, unknown>> {
  const body = JSON.stringify({ customer, feature: 'chat', amount: 1 });
  const response = await fetch(`${stack.dataPlane}/v1/check`, { method: 'POST', headers: headers(), body });
  return { status: response.status, ...z.record(z.string(), z.unknown()).parse(await response.json()) };
}

/** Kills a process of the stack, and waits until the supervisor has started it again. */
async function kill(name: string): Promise<void> {
  const pid = stack.pidOf(name);
  process.kill(pid, 'SIGKILL');
  await waitFor(() => stack.pidOf(name) !== pid, { timeoutMs: 60_000, what: `${name} to be started again` });
}

const isReady = async (url: string) => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;
const untilReady = (url: string) => waitFor(() => isReady(url), { timeoutMs: 90_000, what: `${url} to be ready` });

const usageOf = async (customer: string) => {
  const response = await fetch(`${stack.dataPlane}/v1/customers/${customer}/usage`, { headers: headers() });
  const { features } = z.looseObject({ features: z.unknown() }).parse(await response.json());
  return features;
};

it('a usage log that is replayed while gateway, relay and sink are killed is charged once, with drift 0', async () => {
  const replay = ['replay', log, '--customers', String(CUSTOMERS), '--create-customers', 'plan', '--batch', '200'];
  let runs = 0;
  let isSent = false;
  // What a kill has cut off is sent again: whoever replays is told so, and what was charged is known.
  const replayed = (async () => {
    for (let code = 1; code !== 0; runs++) {
      if (runs === RUNS_MAX) throw new Error('the log could not be replayed');
      ({ code } = await weir(...replay));
    }
    isSent = true;
  })();
  await waitFor(async () => (await get('/v1/customers/replay-0001')).id === 'replay-0001', {
    timeoutMs: 60_000,
    what: 'the first rows to be sent',
  });
  for (const name of ['gateway-0', 'relay', 'control', 'relay', 'gateway-0', 'control']) {
    await kill(name);
    await Promise.all([untilReady(stack.dataPlane), untilReady(stack.console)]);
    if (isSent) break;
  }
  await replayed;
  const { out } = await weir('reconcile');
  expect(out).toMatchObject({ drift: 0, rows: [], restarted: 0 });
  const { rows } = await get('/v1/usage?meter=tokens&granularity=day');
  const sum = Array.from({ length: ROWS }, (_, index) => ((index * 7919) % 4_000) + ((index * 104_729) % 900));
  const total = z.array(z.looseObject({ value: z.coerce.number() })).parse(rows);
  expect(total.reduce((all, { value }) => all + value, 0)).toBe(sum.reduce((all, each) => all + each, 0));
});

it('a Redis that is lost is rebuilt from the ledger, through kills, while limits decide by onUnavailable', async () => {
  const made = await fetch(`${stack.console}/v1/keys`, {
    ...{ method: 'POST', headers: headers(), body: JSON.stringify({ scopes: ['check'] }) },
  });
  expect(made.status).toBe(201);
  await weir('reconcile');
  const customers = ['of-the-file', 'replay-0001', 'replay-0002', 'replay-0033'];
  const before = await Promise.all(customers.map(usageOf));

  // Held still, so that it does not start Redis before the files are gone.
  process.kill(stack.pid, 'SIGSTOP');
  const redis = stack.pidOf('redis');
  process.kill(redis, 'SIGKILL');
  const data = join(stack.home, 'redis');
  for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true });
  process.kill(stack.pid, 'SIGCONT');
  await waitFor(() => stack.pidOf('redis') !== redis, { timeoutMs: 60_000, what: 'Redis to be started again' });
  await waitFor(async () => (await check('of-the-file')).degraded === true, {
    timeoutMs: 60_000,
    what: 'checks to be decided by onUnavailable',
  });

  let kills = 0;
  const rebuilt = weir('rebuild');
  // Longer and longer after it has begun.
  for (const afterMs of [50, 120, 240]) {
    let status = 'away';
    while (status !== 'running' && status !== 'done') {
      status = z
        .object({ status: z.string() })
        .parse(await get('/v1/rebuild').catch(() => ({ status: 'away' }))).status;
      await delay(5);
    }
    if (status === 'done') break;
    await delay(afterMs);
    await kill('control');
    kills += 1;
    await untilReady(stack.console);
  }
  const { code, out } = await rebuilt;
  expect(out).toMatchObject({ status: 'done', reason: '' });
  expect(code).toBe(0);
  expect(kills).toBeGreaterThan(0);
  await untilReady(stack.dataPlane);

  await waitFor(async () => (await check('of-the-file')).degraded === false, {
    timeoutMs: 60_000,
    what: 'checks to be decided by Redis',
  });
  expect((await weir('reconcile')).out).toMatchObject({ drift: 0, rows: [] });
  expect(await Promise.all(customers.slice(1).map(usageOf))).toEqual(before.slice(1));
  expect(await get('/v1/customers/replay-0001')).toMatchObject({ id: 'replay-0001', plan: 'plan' });

  const second = await weir('rebuild');
  expect(second).toMatchObject({ code: 0, out: { status: 'done', shards: [] } });
  expect(await Promise.all(customers.slice(1).map(usageOf))).toEqual(before.slice(1));
});
