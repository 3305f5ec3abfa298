import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';
import { type Stack, startStack, waitFor } from '../../loadtest/harness/services.js';

const MAIN = join(packageRoot(), 'dist/ingest/cli/main.js');
/** Booked, and looked at. */
const TOLD_MS_MAX = 60_000;

let stack: Stack;
const folder = mkdtempSync(join(tmpdir(), 'weir-signals-'));

beforeAll(async () => {
  const rules = join(folder, 'signals.yaml');
  writeFileSync(rules, 'upsell: { reachesLimit: { windowDaysMin: 0 } }');
  stack = await startStack({ env: { WEIR_FORECAST_SECONDS: '1', WEIR_SIGNALS: rules } });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.stop();
});

async function weir(...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, WEIR_HOME: stack.home };
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], { env, timeout: 120_000 });
  return stdout;
}

it('who is about to reach a limit is told, by the rules of the file that a setting names', async () => {
  await weir('check', 'mumbai-labs', 'api', '500');
  const isTold = async () => (await weir('signals', '--kind', 'upsell')).includes('All of "daily" of api is used');
  await waitFor(isTold, { timeoutMs: TOLD_MS_MAX, what: 'mumbai-labs among the signals' });
  const told = JSON.parse(await weir('signals', '--customer', 'mumbai-labs', '--json'));
  expect(told.rows).toMatchObject([{ kind: 'upsell', rule: 'reachesLimit', limit: 'daily', state: 'open' }]);
  expect(await weir('signals', '--csv')).toMatch(/^id,kind,rule,customer,plan,feature,limit,score,reason,/);
  expect(await weir('signals', '--state', 'done')).toBe('There are no signals.\n');
  await expect(weir('signals', '--kind', 'other')).rejects.toMatchObject({ code: 1 });
});
