import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { Receiver } from '../../analytics/alerts/test-support/receiver.js';
import { assetPath } from '../../engine/platform/assets.js';
import { startStack, waitFor } from '../../loadtest/harness/services.js';

const MAIN = assetPath('dist/ingest/cli/main.js');
const CATALOG = `
meters: [{ id: calls, eventType: call, aggregation: count }]
features: [{ id: chat, kind: metered, meter: calls }]
plans:
  - id: pro
    features: { chat: { limits: [{ id: monthly, kind: quota, amount: 100, window: { every: month }, warnAt: [80] }] } }
customers: [{ id: acme, plan: pro }]
`;
const rowsSchema = z.array(z.looseObject({ id: z.string() }));

test('weir alerts: what was told, what became of it, and again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-cli-alerts-'));
  const receiver = await Receiver.start();
  const catalog = join(folder, 'catalog.yaml');
  writeFileSync(catalog, CATALOG);
  const stack = await startStack({ env: { WEIR_CATALOG: catalog, WEIR_ALERTS_PRIVATE_NETWORKS: 'allow' } });
  onTestFinished(async () => {
    await stack.stop();
    await receiver.stop();
    rmSync(folder, { recursive: true });
  });
  const weir = (...args: string[]) =>
    new Promise<{ code: number; out: string }>((done) => {
      const env = { PATH: process.env.PATH, WEIR_HOME: stack.home };
      execFile(process.execPath, [MAIN, ...args], { env, cwd: folder, timeout: 60_000 }, (error, out) => {
        done({ code: error === null ? 0 : Number(error.code), out });
      });
    });
  const rows = async (...args: string[]) => rowsSchema.parse(JSON.parse((await weir(...args, '--json')).out));
  const timeoutMs = 60_000;

  expect((await weir('alerts', 'list')).out).toBe('There are no alerts.\n');
  expect((await weir('alerts', 'replay', '--dead')).out).toBe('0 of 0 are on their way.\n');
  expect((await weir('alerts', 'replay')).code).toBe(2);
  const headers = { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ kind: 'webhook', url: receiver.url });
  const put = () => fetch(`${stack.console}/v1/alert-targets/ops`, { method: 'PUT', headers, body });
  await waitFor(async () => (await put()).ok, { timeoutMs, what: 'the target' });
  expect((await weir('check', 'acme', 'chat', '85')).code).toBe(0);
  await waitFor(async () => (await rows('alerts', 'deliveries', '--state', 'delivered')).length === 1, {
    timeoutMs,
    what: 'the delivery in the log',
  });
  expect((await weir('alerts', 'list', '--customer', 'acme')).out).toMatch(
    /threshold_crossed +acme +- +chat +monthly +80/,
  );
  const [{ id } = { id: '' }] = await rows('alerts', 'deliveries', '--target', 'ops');
  expect(await weir('alerts', 'replay', id)).toMatchObject({ code: 0, out: '1 of 1 are on their way.\n' });
  await waitFor(() => receiver.received.length === 2, { timeoutMs, what: 'the second delivery' });
  expect(new Set(receiver.received.map(({ headers: sent }) => sent['webhook-id'])).size).toBe(1);
  expect(await weir('alerts', 'replay', 'unknown')).toMatchObject({ code: 1, out: '0 of 1 are on their way.\n' });
});
