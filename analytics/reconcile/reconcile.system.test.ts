import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { connectRedis } from '../../engine/index.js';
import { assetPath } from '../../engine/platform/assets.js';
import { customerHolder, holderKey } from '../../engine/store/keys.js';
import { type Stack, startStack, waitFor } from '../../loadtest/harness/services.js';

/** Counters and ledger of a whole Weir under load, with its sink killed again and again. */

const CUSTOMERS = 600;
const KILLS = 4;
const BATCH = 200;

const folder = mkdtempSync(join(tmpdir(), 'weir-reconcile-'));
const limits = [
  { id: 'hourly', kind: 'quota', amount: 1_000_000_000, window: { every: 'hour' } },
  { id: 'ever', kind: 'quota', amount: 1_000_000_000, window: { every: 'lifetime' } },
];
let stack: Stack;

beforeAll(async () => {
  const catalog = join(folder, 'catalog.json');
  const document = {
    meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
    features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
    plans: [{ id: 'plan', features: { chat: { limits } } }],
    customers: Array.from({ length: CUSTOMERS }, (_, index) => ({ id: `customer-${index}`, plan: 'plan' })),
  };
  writeFileSync(catalog, JSON.stringify(document));
  stack = await startStack({ env: { WEIR_CATALOG: catalog, WEIR_RECONCILE_SECONDS: '1' } });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.stop();
});

const headers = () => ({ authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' });

/** Checks of customers in turn. @returns how many were admitted. */
async function checkSome(from: number): Promise<number> {
  const checks = Array.from({ length: BATCH }, (_, index) => ({
    ...{ customer: `customer-${(from + index) % CUSTOMERS}`, feature: 'chat', amount: 1 + (index % 5) },
  }));
  const body = JSON.stringify({ checks });
  const response = await fetch(`${stack.dataPlane}/v1/check/batch`, { method: 'POST', headers: headers(), body });
  const { results } = z
    .object({ results: z.array(z.looseObject({ allowed: z.boolean().optional() })) })
    .parse(await response.json());
  return results.filter((result) => result.allowed === true).length;
}

const summarySchema = z.object({
  ...{ customers: z.number(), windows: z.number(), restarted: z.number(), drift: z.number() },
  rows: z.array(z.looseObject({ customer: z.string(), limit: z.string(), drift: z.number() })),
});

function reconcile(...args: string[]): Promise<{ code: number; summary: z.output<typeof summarySchema> }> {
  return new Promise((done, fail) => {
    const env = { PATH: process.env.PATH, WEIR_HOME: stack.home };
    const program = [assetPath('dist/ingest/cli/main.js'), 'reconcile', '--json', ...args];
    execFile(process.execPath, program, { env, cwd: folder, timeout: 120_000 }, (error, out, err) => {
      try {
        const code = error === null ? 0 : Number(error.code);
        done({ code, summary: summarySchema.parse(JSON.parse(out)) });
      } catch (cause) {
        fail(new Error(`weir reconcile: ${err}`, { cause }));
      }
    });
  });
}

/** The control plane answers, and its sink reads. */
const untilReady = () =>
  waitFor(async () => (await fetch(`${stack.console}/readyz`).catch(() => undefined))?.status === 200, {
    timeoutMs: 60_000,
    what: 'the control plane to be ready',
  });

it('drift is 0 over all customers after load during which the sink was killed again and again', async () => {
  let working = true;
  let admitted = 0;
  const load = (async () => {
    for (let from = 0; working; from += BATCH) admitted += await checkSome(from);
  })();
  for (let kill = 0; kill < KILLS; kill++) {
    await delay(400 + 130 * kill);
    process.kill(stack.pidOf('control'), 'SIGKILL');
    await delay(300);
    await untilReady();
  }
  // Compared while checks go on, and when all is quiet.
  const during = await reconcile();
  working = false;
  await load;
  const after = await reconcile();
  for (const { code, summary } of [during, after]) {
    expect(summary).toMatchObject({ customers: CUSTOMERS, drift: 0, restarted: 0, rows: [] });
    expect(code).toBe(0);
  }
  expect(admitted).toBeGreaterThan(CUSTOMERS);
});

it('a counter that a hand changed is found: by the command, in the report, in the metric', async () => {
  const redis = connectRedis(stack.urls().redis);
  const key = holderKey('s00', customerHolder('customer-7'));
  const state = await redis.getBuffer(key);
  if (state === null) throw new Error('customer-7 was never charged');
  const used = 18 + state.readUInt16LE(16) + 8;
  state.writeDoubleLE(state.readDoubleLE(used) + 3, used);
  await redis.set(key, state);
  redis.disconnect();
  const { code, summary } = await reconcile('--customer', 'customer-7');
  expect(code).toBe(1);
  expect(summary).toMatchObject({ drift: 1, rows: [{ customer: 'customer-7', limit: 'hourly', drift: 3 }] });
  const reportSchema = z.looseObject({ rows: z.array(z.looseObject({ customer: z.string(), drift: z.number() })) });
  await waitFor(
    async () => {
      const response = await fetch(`${stack.console}/v1/reports/drift`, { headers: headers() });
      const { rows } = reportSchema.parse(await response.json());
      return rows.some((row) => row.customer === 'customer-7' && row.drift === 3);
    },
    { timeoutMs: 60_000, what: 'the background comparison to find it' },
  );
  await waitFor(
    async () => (await (await fetch(`${stack.console}/metrics`)).text()).match(/^weir_drift_limits\{.*\} 1$/m) !== null,
    { timeoutMs: 10_000, what: 'the metric' },
  );
});
