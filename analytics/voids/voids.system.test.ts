import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { WeirClient } from '../../ingest/client/index.js';
import { type Stack, startStack, waitFor } from '../../loadtest/harness/services.js';

/** A wrong event on its whole way: sent to a gateway, on to ClickHouse, taken back, and out of every number. */

let stack: Stack;
let client: WeirClient;

beforeAll(async () => {
  stack = await startStack();
  client = new WeirClient({ url: stack.dataPlane, consoleUrl: stack.console, key: stack.adminKey });
});
afterAll(() => stack?.stop());

const event = (id: string, totalTokens: number) => ({
  id,
  source: 'billing',
  type: 'llm.request',
  subject: 'acme',
  data: { totalTokens, contextTokens: totalTokens, generatedTokens: 0, model: 'large', region: 'eu' },
});
const request = (id: string) => ({ customer: 'acme', source: 'billing', id, reason: 'sent by a test' });

async function counter(): Promise<unknown> {
  const monthly = (await client.usage('acme')).features.chat?.limits.monthly;
  return monthly?.kind === 'quota' ? monthly.used : undefined;
}

const usedSchema = z.array(z.object({ feature: z.string().nullable(), used: z.number() }));

/** A Weir this young has nothing before. */
const LONG_AGO_MS = 40 * 86_400_000;

/** What the reports say: by usage over time, and by utilization of the month, which is that of the customer's zone. */
async function reported(): Promise<unknown[]> {
  const period = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'Europe/Berlin',
    year: 'numeric',
    month: '2-digit',
  }).format();
  const { rows } = await client.control.report('utilization', { period, customer: 'acme' });
  const used = usedSchema.parse(rows).find(({ feature }) => feature === 'chat')?.used ?? 0;
  const usage = await client.control.usage({
    meter: 'tokens',
    customer: 'acme',
    from: new Date(Date.now() - LONG_AGO_MS).toISOString().slice(0, 10),
    granularity: 'day',
  });
  return [usage.rows.reduce((sum, row) => sum + Number(row.value), 0), used];
}

const booked = (value: number) =>
  waitFor(async () => (await reported()).every((each) => each === value), {
    timeoutMs: 30_000,
    what: `${value} in both reports`,
  });

it('an event that was sent a moment ago is taken back: counter, ledger and reports agree', async () => {
  await client.events([event('right', 1_000), event('wrong', 250_000)]);
  // At once: the void waits for the ledger by itself.
  const answer = await client.control.voidEvent(request('wrong'));
  expect(answer).toMatchObject({ replayed: false, actor: 'admin', reason: 'sent by a test' });
  const chat = answer.facts.find(({ feature }) => feature === 'chat');
  expect(chat).toMatchObject({ meter: 'tokens', amount: -250_000, limits: { monthly: { used: 1_000 } } });
  expect(await counter()).toBe(1_000);
  await booked(1_000);
  expect(await client.control.voidEvent({ ...request('wrong'), reason: 'again' })).toEqual({
    ...answer,
    replayed: true,
  });
});

it('many voids of many events at once, each asked for thrice, leave what was right', async () => {
  const ids = Array.from({ length: 40 }, (_, index) => `many-${index}`);
  await client.events(ids.map((id, index) => event(id, index + 1)));
  const answers = await Promise.all(
    [...ids, ...ids, ...ids].map((id) =>
      Number(id.slice(5)) % 2 === 0 ? client.control.voidEvent(request(id)) : null,
    ),
  );
  expect(answers.filter((answer) => answer?.replayed === false)).toHaveLength(20);
  // The sum of the even numbers up to 40 stays: places that are odd were not taken back.
  expect(await counter()).toBe(1_000 + 420);
  await booked(1_420);
});

it('what was never sent is unknown, however busy the ledger is', async () => {
  await client.events([event('more', 1)]);
  await expect(client.control.voidEvent(request('never'))).rejects.toMatchObject({
    code: 'unknown_event',
    status: 404,
  });
});

it('a void is as safe as a charge: after all of Weir was stopped and started it is repeated, not done again', async () => {
  const before = await counter();
  await client.events([event('stopped', 500)]);
  const first = await client.control.voidEvent(request('stopped'));
  await stack.kill('SIGTERM');
  await stack.restart();
  expect(await client.control.voidEvent(request('stopped'))).toEqual({ ...first, replayed: true });
  expect(await counter()).toBe(before);
  await booked(Number(before));
});
