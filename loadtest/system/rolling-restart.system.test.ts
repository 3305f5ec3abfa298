import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Stack, startStack, waitFor } from '../harness/services.js';
import { RestlessClient, startTimeIn } from './restless-client.js';

const GATEWAYS = ['gateway-0', 'gateway-1'];
/** More than gateways, so that each has some at any time. */
const CLIENTS = 12;
/** Answers between one restart and the next. */
const ANSWERS_BETWEEN = 400;
const WAIT_MS_MAX = 60_000;

/** A check charges one call, and so does an event: the two books must agree on their sum. */
const CATALOG = `
meters:
  - { id: calls, eventType: api.called, aggregation: count }
features:
  - { id: api, kind: metered, meter: calls }
plans:
  - { id: ample, features: { api: { limits: [{ id: total, kind: quota, amount: 1000000000, window: { every: lifetime } }] } } }
customers:
  - { id: acme, plan: ample }
`;

/** A busy machine is no outage: every check is decided, however long it takes. */
const PATIENT = { WEIR_STORE_TIMEOUT_MS: '20000', WEIR_STORE_FATE_MS: '60000' };

let folder: string;
let stack: Stack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-rolling-'));
  const catalog = join(folder, 'catalog.yaml');
  writeFileSync(catalog, CATALOG);
  stack = await startStack({ gateways: GATEWAYS.length, env: { ...PATIENT, WEIR_CATALOG: catalog } });
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('a rolling restart of the gateways under load fails no request, and the books agree', async () => {
  const clients = Array.from({ length: CLIENTS }, (_, index) => new RestlessClient(stack, `client-${index}`));
  const answered = () => clients.reduce((sum, client) => sum + client.answered, 0);
  const failures = () => clients.flatMap((client) => client.failures);
  const moreAnswers = async () => {
    const goal = answered() + ANSWERS_BETWEEN;
    await waitFor(() => answered() >= goal || failures().length > 0, { timeoutMs: WAIT_MS_MAX, what: 'answers' });
  };
  const running = clients.map((client) => client.run());
  await moreAnswers();
  for (const name of [...GATEWAYS, ...GATEWAYS]) {
    const pid = stack.pidOf(name);
    const startedAt = await startTimeIn(stack, name, WAIT_MS_MAX);
    process.kill(pid, 'SIGTERM');
    await waitFor(async () => (await startTimeIn(stack, name, WAIT_MS_MAX)) !== startedAt, {
      timeoutMs: WAIT_MS_MAX,
      what: `${name} to serve again`,
    });
    expect(stack.pidOf(name)).not.toBe(pid);
    await moreAnswers();
  }
  for (const client of clients) client.stop();
  await Promise.all(running);

  expect(failures()).toEqual([]);
  expect(clients.every((client) => client.connections > 1)).toBe(true);
  expect(await counted()).toBe(answered());
  await waitFor(async () => (await recorded()) >= answered(), { timeoutMs: WAIT_MS_MAX, what: 'all facts' });
  expect(await recorded()).toBe(answered());
});

async function get(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${stack.adminKey}` } });
  expect(response.status).toBe(200);
  return response.json();
}

/** Calls by the counter in Redis. */
async function counted(): Promise<number> {
  const usage = z.object({
    features: z.object({ api: z.object({ limits: z.object({ total: z.object({ used: z.number() }) }) }) }),
  });
  return usage.parse(await get(`${stack.dataPlane}/v1/customers/acme/usage`)).features.api.limits.total.used;
}

/** Calls by the facts in ClickHouse. */
async function recorded(): Promise<number> {
  const dayMs = 86_400_000;
  const day = (offset: number) => `${new Date(Date.now() + offset * dayMs).toISOString().slice(0, 10)}T00:00:00Z`;
  const query = new URLSearchParams({ meter: 'calls', from: day(-1), to: day(2), granularity: 'day' });
  const { rows } = z
    .object({ rows: z.array(z.object({ value: z.coerce.number() })) })
    .parse(await get(`${stack.console}/v1/usage?${query}`));
  return rows.reduce((sum, { value }) => sum + value, 0);
}
