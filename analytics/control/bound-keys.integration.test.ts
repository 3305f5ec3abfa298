import { request } from 'node:http';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { AlertLogWriter } from '../alerts/alert-log.js';
import { startForecasts } from '../forecast/start.js';
import { DEFAULT_RULES } from '../signals/rules-file.js';
import { type ControlPlane, startControlPlane } from '../test-support/control-plane.js';
import type { TestEntry } from '../test-support/entry-builder.js';
import { fill } from '../test-support/ledger.js';

const CATALOG = `
meters:
  - { id: calls, eventType: call, aggregation: count }
features:
  - { id: api, kind: metered, meter: calls }
plans:
  - { id: pro, features: { api: { limits: [{ id: monthly, kind: quota, amount: 10, window: { every: month } }] } } }
customers:
  - { id: ours, plan: pro }
  - { id: theirs, plan: pro }
`;

let plane: ControlPlane;
let adminKey: string;
let readKey: string;

const keySchema = z.object({ key: z.string() });

beforeAll(async () => {
  plane = await startControlPlane(CATALOG);
  const make = async (id: string, scopes: string[]) =>
    keySchema.parse((await plane.call('PUT', `/v1/keys/${id}`, { scopes, customer: 'ours' })).body).key;
  adminKey = await make('bound-admin', ['admin']);
  readKey = await make('bound-read', ['read']);
  const now = Date.now();
  const month = new Date(now);
  const windowStartMs = Date.UTC(month.getUTCFullYear(), month.getUTCMonth());
  const entryOf = (customer: string): TestEntry => {
    const use = { customer, feature: 'api', meter: 'calls', amount: 9 };
    const limits = [{ id: 'monthly', included: 10, windowStartMs, after: 9 }];
    return {
      chargedAtMs: now,
      facts: [{ ...use, limits }],
      denials: [{ ...use, reason: 'limit_exceeded', limits: [], deniedBy: [] }],
    };
  };
  const ids = ['ours', 'theirs'];
  await fill(plane.clickhouse, ids.map(entryOf));
  const alert = {
    at: new Date(now).toISOString(),
    kind: 'cap_reached',
    plan: 'pro',
    entity: null,
    feature: 'api',
    limit: 'monthly',
    threshold: null,
    used: 10,
    included: 10,
    window: { start: new Date(windowStartMs).toISOString(), end: null },
  } as const;
  const alerts = new AlertLogWriter(plane.clickhouse, { warn: () => undefined }, new AbortController().signal);
  const alertIds = { ours: 'al_1', theirs: 'al_2' };
  for (const [customer, id] of Object.entries(alertIds))
    await alerts.alert({ ...alert, id: id.padEnd(35, '0'), customer });
  await startForecasts({
    clickhouse: plane.clickhouse,
    catalog: plane.engine.view,
    rules: DEFAULT_RULES,
    listCustomers: async () => ({ ids, cursor: null }),
    registry: new Registry(),
    log: { info: () => undefined, warn: () => undefined },
    everySeconds: 0,
  }).run();
});

afterAll(() => plane.stop());

const period = new Date().toISOString().slice(0, 7);

/** What a bound key may read, each with an address that is its own and one that is another customer's. */
const OWN: Readonly<Record<string, readonly [own: string, theirs: string]>> = {
  '/v1/usage': ['/v1/usage?meter=calls&groupBy=customer', '/v1/usage?meter=calls&customer=theirs'],
  '/v1/reports/utilization': [
    `/v1/reports/utilization?period=${period}`,
    `/v1/reports/utilization?period=${period}&customer=theirs`,
  ],
  '/v1/reports/finance': [
    `/v1/reports/finance?period=${period}`,
    `/v1/reports/finance?period=${period}&customer=theirs`,
  ],
  '/v1/reports/near-limits': ['/v1/reports/near-limits', '/v1/reports/near-limits?customer=theirs'],
  '/v1/reports/denials': ['/v1/reports/denials', '/v1/reports/denials?customer=theirs'],
  '/v1/alerts': ['/v1/alerts', '/v1/alerts?customer=theirs'],
  '/v1/forecasts': ['/v1/forecasts', '/v1/forecasts?customer=theirs'],
  '/v1/customers/{id}': ['/v1/customers/ours', '/v1/customers/theirs'],
  '/v1/customers/{id}/events': ['/v1/customers/ours/events', '/v1/customers/theirs/events'],
  '/v1/customers/{id}/usage': ['/v1/customers/ours/usage', '/v1/customers/theirs/usage'],
};
/** Open to whoever may come at all: nothing in them is a customer's. */
const OPEN = ['/healthz', '/readyz', '/metrics', '/openapi.json', '/v1/session'];

const pathsSchema = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

it('a key bound to a customer is refused by every route that is not about that customer', async () => {
  const { paths } = pathsSchema.parse((await plane.call('GET', '/openapi.json')).body);
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => ({ path, method })),
  );
  // Voids name their customer in the body: analytics/voids/voids.integration.test.ts.
  const closed = operations.filter(
    ({ path, method }) => ![...OPEN, '/v1/events/void'].includes(path) && !(method === 'get' && path in OWN),
  );
  expect(closed.length).toBeGreaterThan(20);
  for (const { path, method } of closed) {
    const address = path.replace('{id}', path.startsWith('/v1/customers') ? 'ours' : 'calls');
    const body = method === 'get' || method === 'delete' ? undefined : { plan: 'pro', scopes: ['admin'] };
    for (const key of [adminKey, readKey]) {
      const answer = await plane.call(method.toUpperCase(), address, body, key);
      expect(answer, `${method} ${address}`).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
    }
  }
  const { body } = await plane.call('GET', '/v1/customers');
  expect(body).toMatchObject({ rows: [{ id: 'ours' }, { id: 'theirs' }] });
});

it('what a bound key may read tells of its own customer only', async () => {
  for (const [own, theirs] of Object.values(OWN)) {
    const answer = await plane.call('GET', own, undefined, adminKey);
    expect(answer.status, own).toBe(200);
    expect(JSON.stringify(answer.body), own).toContain('ours');
    expect(JSON.stringify(answer.body), own).not.toContain('theirs');
    for (const key of [adminKey, readKey]) {
      expect(await plane.call('GET', theirs, undefined, key), theirs).toMatchObject({ status: 403 });
    }
  }
});

it('a key that is revoked while its request is on the way changes nothing', async () => {
  const made = await plane.call('PUT', '/v1/keys/slow', { scopes: ['admin'] });
  const { key } = keySchema.parse(made.body);
  const text = JSON.stringify({ scopes: ['admin'] });
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-length': text.length };
    const slow = request(`${plane.url}/v1/keys/heir`, { method: 'PUT', headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    slow.on('error', reject);
    slow.write(text.slice(0, 5), () => {
      void plane.call('DELETE', '/v1/keys/slow').then(() => slow.end(text.slice(5)));
    });
  });
  expect(status).toBe(401);
  expect(await plane.call('GET', '/v1/keys/heir')).toMatchObject({ status: 404 });
});
