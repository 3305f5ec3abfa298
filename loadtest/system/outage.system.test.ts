import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { startStack, waitFor } from '../harness/services.js';

/** The whole system while its Redis is stopped, its gateway dies and its NATS is silent: every answer is a row, once. */

const folder = mkdtempSync(join(tmpdir(), 'weir-outage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const catalog = join(folder, 'plans.yaml');
writeFileSync(
  catalog,
  `
meters:
  - { id: tokens, eventType: llm, aggregation: sum, value: $.tokens }
features:
  - { id: chat, kind: metered, meter: tokens }
plans:
  - id: pro
    features:
      chat: { limits: [{ id: monthly, kind: quota, amount: 1000000, window: { every: month }, onUnavailable: allow }] }
customers:
  - { id: acme, plan: pro }
`,
);

interface Checked {
  readonly allowed?: boolean;
  readonly degraded?: boolean;
}

test('what clients were answered is what ClickHouse has, after Redis, a gateway and NATS were away', async () => {
  const stack = await startStack({ env: { WEIR_CATALOG: catalog } });
  onTestFinished(() => stack.stop());
  const headers = { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' };
  let sequence = 0;
  const allowed = new Set<string>();
  const open = new Set<string>();
  /** A failure, or no answer, leaves the id open: it is asked again until its fate is known. */
  const check = async (id = `id-${sequence++}`): Promise<Checked> => {
    open.add(id);
    const body = JSON.stringify({ customer: 'acme', feature: 'chat', amount: 1, id });
    const response = await fetch(`${stack.dataPlane}/v1/check`, { method: 'POST', headers, body }).catch(
      () => undefined,
    );
    if (response?.status !== 200) return {};
    const answer: Checked = JSON.parse(await response.text());
    open.delete(id);
    if (answer.allowed === true) allowed.add(id);
    return answer;
  };
  const some = () => Promise.all(Array.from({ length: 50 }, () => check()));
  const until = (what: string, holds: (answers: readonly Checked[]) => boolean) =>
    waitFor(async () => holds(await some()), { timeoutMs: 60_000, what });
  const booked = async (): Promise<number> => {
    const url = `${stack.console}/v1/usage?meter=tokens&customer=acme&granularity=month`;
    const { rows }: { rows: { value: number }[] } = JSON.parse(await (await fetch(url, { headers })).text());
    return rows.reduce((sum, { value }) => sum + Number(value), 0);
  };

  await until('calm answers', (answers) => answers.every(({ degraded }) => degraded === false));
  const [redis, nats] = [stack.pidOf('redis'), stack.pidOf('nats')];
  process.kill(redis, 'SIGSTOP');
  await until('degraded answers', (answers) => answers.every(({ degraded }) => degraded === true));
  process.kill(stack.pidOf('gateway-0'), 'SIGKILL');
  process.kill(redis, 'SIGCONT');
  process.kill(nats, 'SIGSTOP');
  await until('answers by Redis', (answers) => answers.every(({ degraded }) => degraded === false));
  process.kill(redis, 'SIGKILL');
  await until('answers by the Redis that was started again', (answers) =>
    answers.every(({ degraded }) => degraded === false),
  );
  process.kill(nats, 'SIGCONT');
  await waitFor(
    async () => {
      await Promise.all([...open].map((id) => check(id)));
      return open.size === 0;
    },
    { timeoutMs: 60_000, what: 'every fate to be known' },
  );
  const spools = (): string[] => readdirSync(join(stack.home, 'spool'));
  await waitFor(() => spools().length === 0, { timeoutMs: 60_000, what: 'the spools to be charged' });
  const response = await fetch(`${stack.dataPlane}/v1/customers/acme/usage`, { headers });
  const usage: { features: { chat: { limits: { monthly: { used: number } } } } } = JSON.parse(await response.text());
  expect(usage.features.chat.limits.monthly.used).toBe(allowed.size);
  await waitFor(async () => (await booked()) >= allowed.size, { timeoutMs: 60_000, what: `${allowed.size} rows` });
  expect(await booked()).toBe(allowed.size);
});
