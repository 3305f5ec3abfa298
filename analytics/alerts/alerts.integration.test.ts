import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../loadtest/harness/wait-for.js';
import { type System, startSystem } from '../test-support/system.js';
import { isSigned, Receiver } from './test-support/receiver.js';

const limit = (included: number) => ({
  id: 'monthly',
  kind: 'quota',
  amount: included,
  window: { every: 'month' },
  warnAt: [50, 80],
});
const catalogOf = (included: number) => ({
  meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'calls' }],
  plans: [
    { id: 'pro', features: { chat: { limits: [limit(included)] } } },
    { id: 'payg', features: { chat: { limits: [{ ...limit(10), overage: { upTo: 10 } }] } } },
  ],
  customers: [
    { id: 'acme', plan: 'pro' },
    { id: 'quiet', plan: 'pro' },
    { id: 'over', plan: 'payg' },
    {
      id: 'nested',
      plan: 'pro',
      entities: [{ id: 'team', features: { chat: { limits: [{ ...limit(10), id: 'daily' }] } } }],
    },
  ],
});

let system: System;
let receiver: Receiver;
const backoff = { firstMs: 20, factor: 1, longestMs: 20, totalMs: 150 };

beforeAll(async () => {
  receiver = await Receiver.start();
  const alerts = { allowPrivate: true, smtpUrl: undefined, smtpFrom: 'weir@example.com', backoff, timeoutMs: 1_000 };
  system = await startSystem(catalogOf(100), undefined, alerts);
});
afterAll(async () => {
  await system.stop();
  await receiver.stop();
});

let checks = 0;
/** One charge, by its id, however often a busy machine makes it ask. */
function check(customer: string, amount: number, entity?: string): Promise<boolean> {
  const id = `check-${checks++}`;
  return waits(`${amount} to be charged to ${customer}`, async () => {
    const outcome = await system.engine.check({ customer, feature: 'chat', amount, entity, id, dryRun: false });
    return outcome.status === 'decided' && outcome.decision.allowed;
  });
}
/** Without what was used: who looks at the counters may come before who reads the facts. */
const told = (path: string) =>
  receiver.alerts(path).map(({ customer, entity, kind, threshold }) => [customer, entity, kind, threshold]);

const waits = (what: string, condition: () => boolean | Promise<boolean>) =>
  waitFor(condition, { timeoutMs: 40_000, what });

/** A target at a path of the receiver; its secret. */
async function target(path: string, filter: object): Promise<string> {
  let made: { status: number; body: Record<string, unknown> } = { status: 503, body: {} };
  await waits(`the target ${path}`, async () => {
    made = await system.call('PUT', `/v1/alert-targets${path}`, { kind: 'webhook', url: receiver.url + path, filter });
    return made.status !== 503;
  });
  expect(made.status).toBe(201);
  return String(made.body.secret);
}

test('a charge that crosses thresholds and the cap is told once each, signed, under an id of its own', async () => {
  const secret = await target('/acme', { customers: ['acme'] });
  await check('acme', 60);
  await waits('the first threshold', () => receiver.alerts('/acme').length > 0);
  await check('acme', 10);
  await check('acme', 15);
  await check('acme', 15);
  await waits('the cap', () => receiver.alerts('/acme').length >= 3);
  expect(told('/acme')).toEqual([
    ['acme', null, 'threshold_crossed', 50],
    ['acme', null, 'threshold_crossed', 80],
    ['acme', null, 'cap_reached', null],
  ]);
  const requests = receiver.received.filter(({ path }) => path === '/acme');
  expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
  expect(requests.every((request) => isSigned(request, secret))).toBe(true);
});

test('what goes past a soft limit is told as overage and as cap, of the customer alone that it is', async () => {
  await target('/over', { customers: ['over'], kinds: ['overage_entered', 'cap_reached'] });
  const event = { source: 'test', type: 'call', customer: 'over', data: {} };
  await waits('the events to be charged', async () => {
    const outcomes = await system.engine.record(['1', '2'].map((id) => ({ ...event, id })));
    return outcomes.every(({ status }) => status !== 'rejected');
  });
  await check('over', 9);
  await check('over', 9);
  await waits('the cap', () => receiver.alerts('/over').length >= 2);
  expect(told('/over')).toEqual([
    ['over', null, 'overage_entered', null],
    ['over', null, 'cap_reached', null],
  ]);
});

test("an entity's limit and its customer's are told apart", async () => {
  await target('/nested', { customers: ['nested'] });
  await check('nested', 9, 'team');
  await waits('both thresholds', () => receiver.alerts('/nested').length >= 2);
  expect(told('/nested')).toEqual([
    ['nested', 'team', 'threshold_crossed', 50],
    ['nested', 'team', 'threshold_crossed', 80],
  ]);
});

test('a limit that is lowered below what is used is told without a charge, and once', async () => {
  await target('/quiet', { customers: ['quiet'] });
  await check('quiet', 30);
  await system.apply(catalogOf(60));
  await waits('the threshold', () => receiver.alerts('/quiet').length >= 1);
  // Armed again by the change: the decision warns anew, the window's alert stands.
  await system.apply(catalogOf(100));
  await system.apply(catalogOf(30));
  await waits('the rest', () => receiver.alerts('/quiet').length >= 3);
  expect(told('/quiet')).toEqual([
    ['quiet', null, 'threshold_crossed', 50],
    ['quiet', null, 'threshold_crossed', 80],
    ['quiet', null, 'cap_reached', null],
  ]);
});

const list = async (path: string) => {
  const { body } = await system.call('GET', path);
  return body.rows as Record<string, unknown>[];
};

test('alerts are listed, newest first', async () => {
  await waits('all alerts in the log', async () => (await list('/v1/alerts?customer=acme')).length >= 3);
  const rows = await list('/v1/alerts?customer=acme');
  expect(rows.map(({ kind }) => kind)).toEqual(['cap_reached', 'threshold_crossed', 'threshold_crossed']);
});

test('a delivery that fails for its whole time is dead, with a log, and is put through again under its id', async () => {
  let broken = true;
  receiver.respond = (response, { path }) => void response.writeHead(path === '/broken' && broken ? 500 : 204).end();
  await target('/broken', { customers: ['late'] });
  await system.call('PUT', '/v1/customers/late', { id: 'late', plan: 'pro' });
  await check('late', 15);
  const dead = () => list('/v1/alert-deliveries?target=broken&state=dead');
  await waits('a dead delivery', async () => (await dead()).length === 1);
  const [{ id, attempts } = {}] = await dead();
  const { body } = await system.call('GET', `/v1/alert-deliveries/${id}`);
  expect(body.log).toHaveLength(Number(attempts));
  expect(body.log).toContainEqual(expect.objectContaining({ number: 1, status: 500, error: 'status 500' }));
  broken = false;
  expect((await system.call('POST', `/v1/alert-deliveries/${id}/replay`)).status).toBe(202);
  await waits(
    'the delivery',
    async () => (await list('/v1/alert-deliveries?target=broken&state=delivered')).length === 1,
  );
  const requests = receiver.received.filter(({ path }) => path === '/broken');
  expect(requests).toHaveLength(Number(attempts) + 1);
  expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});

test('a secret that is rotated loses nothing: both sign until the overlap ends', async () => {
  const before = await target('/rotated', { customers: ['nobody'] });
  const { body } = await system.call('POST', '/v1/alert-targets/rotated/rotate');
  expect(body.secret).not.toBe(before);
  expect(await system.call('POST', '/v1/alert-targets/rotated/test')).toMatchObject({ body: { delivered: true } });
  const [request] = receiver.received.filter(({ path }) => path === '/rotated');
  expect([before, String(body.secret)].map((secret) => request && isSigned(request, secret))).toEqual([true, true]);
  const shown = await system.call('GET', '/v1/alert-targets/rotated');
  expect(JSON.stringify(shown.body)).not.toContain('whsec_');
});

test('redirects are not followed, and a receiver that does not answer in time has failed', async () => {
  await target('/elsewhere', { customers: ['nobody'] });
  receiver.respond = (response) => void response.writeHead(302, { location: `${receiver.url}/secret` }).end();
  const redirected = await system.call('POST', '/v1/alert-targets/elsewhere/test');
  expect(redirected.body).toMatchObject({ delivered: false, status: 302 });
  receiver.respond = () => undefined;
  const silent = await system.call('POST', '/v1/alert-targets/elsewhere/test');
  expect(silent.body).toMatchObject({ delivered: false, status: null, error: 'no answer within 1000 ms' });
  expect(receiver.received.filter(({ path }) => path === '/secret')).toEqual([]);
});

test('metrics tell what was raised, and what became of it', async () => {
  const text = await system.metrics();
  expect(text).toMatch(/^weir_alerts_raised_total\{kind="cap_reached".*\} [1-9]/m);
  expect(text).toMatch(/^weir_alert_deliveries_total\{kind="webhook",outcome="delivered".*\} [1-9]/m);
  expect(text).toMatch(/^weir_alert_deliveries_total\{kind="webhook",outcome="dead".*\} 1/m);
  expect(text).toMatch(/^weir_alert_deliveries_pending.* 0$/m);
});
