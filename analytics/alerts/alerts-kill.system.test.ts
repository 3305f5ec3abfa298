import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startStack, waitFor } from '../../loadtest/harness/services.js';
import { isSigned, Receiver } from './test-support/receiver.js';

/** The control plane and NATS are killed while crossings are found and alerts are on their way. */

const KILLED = ['control', 'nats', 'control', 'control'];
const CUSTOMERS_PER_KILL = 60;

const ids = Array.from({ length: KILLED.length * CUSTOMERS_PER_KILL }, (_, index) => `customer-${index}`);
const catalog = {
  meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'calls' }],
  plans: [
    {
      id: 'pro',
      features: {
        chat: { limits: [{ id: 'monthly', kind: 'quota', amount: 100, window: { every: 'year' }, warnAt: [80] }] },
      },
    },
  ],
  customers: ids.map((id) => ({ id, plan: 'pro' })),
};

test('every crossing is told, as one alert under one id, whichever process is killed meanwhile', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-alerts-'));
  const file = join(folder, 'catalog.yaml');
  writeFileSync(file, JSON.stringify(catalog));
  const receiver = await Receiver.start();
  // Slow enough that a kill meets deliveries under way.
  receiver.respond = (response) => void setTimeout(() => response.writeHead(204).end(), 20);
  const stack = await startStack({ env: { WEIR_CATALOG: file, WEIR_ALERTS_PRIVATE_NETWORKS: 'allow' } });
  onTestFinished(async () => {
    await stack.stop();
    await receiver.stop();
    rmSync(folder, { recursive: true });
  });
  const headers = { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' };
  const target = await waitFor(
    async () => {
      const body = JSON.stringify({ kind: 'webhook', url: `${receiver.url}/all` });
      const answer = await fetch(`${stack.console}/v1/alert-targets/all`, { method: 'PUT', headers, body });
      return answer.status === 201 ? ((await answer.json()) as { secret: string }) : undefined;
    },
    { timeoutMs: 30_000, what: 'the target' },
  );

  const check = async (customer: string): Promise<void> => {
    const body = JSON.stringify({ customer, feature: 'chat', amount: 85 });
    expect((await fetch(`${stack.dataPlane}/v1/check`, { method: 'POST', headers, body })).status).toBe(200);
  };
  const told = () => new Set(receiver.alerts('/all').map(({ customer }) => customer));
  for (const [kill, name] of KILLED.entries()) {
    const wave = ids.slice(kill * CUSTOMERS_PER_KILL, (kill + 1) * CUSTOMERS_PER_KILL);
    const before = told().size;
    await Promise.all(wave.map(check));
    // In the middle of the first deliveries, or of what comes before any.
    const some = kill % 2 === 0 ? 1 : 0;
    await waitFor(() => told().size >= before + some, { timeoutMs: 60_000, what: 'deliveries to begin' });
    const pid = stack.pidOf(name);
    process.kill(pid, 'SIGKILL');
    await waitFor(() => stack.pidOf(name) !== pid, { timeoutMs: 60_000, what: `${name} to be back` });
  }
  await waitFor(() => told().size === ids.length, { timeoutMs: 120_000, what: 'all crossings to be told' });

  const bodies = new Map<string, Set<string>>();
  for (const { headers: sent, body } of receiver.received) {
    const id = String(sent['webhook-id']);
    bodies.set(id, (bodies.get(id) ?? new Set()).add(body));
  }
  // A repetition carries the same id, and the same alert.
  expect(bodies.size).toBe(ids.length);
  expect([...bodies.values()].every(({ size }) => size === 1)).toBe(true);
  expect(receiver.received.every((request) => isSigned(request, target.secret))).toBe(true);
  const rows = await waitFor(
    async () => {
      const answer = await fetch(`${stack.console}/v1/alerts?limit=1000`, { headers });
      const { rows: found } = (await answer.json()) as { rows: { id: string }[] };
      return found.length >= ids.length ? found : undefined;
    },
    { timeoutMs: 60_000, what: 'all alerts in the log' },
  );
  expect(rows).toHaveLength(ids.length);
});
