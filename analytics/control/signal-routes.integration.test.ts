import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startForecasts } from '../forecast/start.js';
import { DEFAULT_RULES } from '../signals/rules-file.js';
import { type ControlPlane, startControlPlane } from '../test-support/control-plane.js';
import { fill } from '../test-support/ledger.js';

const DAY_MS = 86_400_000;
const CATALOG = `
meters: [{ id: calls, eventType: call, aggregation: count }, { id: gb, eventType: store, aggregation: sum, value: $.gb, scale: 2 }]
features: [{ id: api, kind: metered, meter: calls }, { id: disk, kind: metered, meter: gb }, { id: sso, kind: boolean }]
plans:
  - id: pro
    features:
      api: { limits: [{ id: monthly, kind: quota, amount: 10, window: { every: month } }] }
      disk: { limits: [{ id: ever, kind: quota, amount: 500, window: { every: lifetime } }] }
customers: [{ id: acme, plan: pro }, { id: globex, plan: pro, startsAt: 2020-01-01T00:00:00Z }]
`;

let control: ControlPlane;

beforeAll(async () => {
  control = await startControlPlane(CATALOG);
  const now = Date.now();
  const month = new Date(now);
  const windowStartMs = Date.UTC(month.getUTCFullYear(), month.getUTCMonth());
  const limits = [{ id: 'monthly', included: 10, windowStartMs }];
  const stored = [{ id: 'ever', included: 500, windowStartMs: 0 }];
  await fill(control.clickhouse, [
    {
      chargedAtMs: now - 1_000,
      facts: [
        { customer: 'acme', feature: 'api', meter: 'calls', amount: 12, limits },
        { customer: 'acme', feature: 'disk', meter: 'gb', amount: 125, limits: stored },
        { customer: 'globex', feature: 'api', meter: 'calls', amount: 0, limits },
      ],
    },
    ...[3, 2, 1].map((days) => ({
      chargedAtMs: now - days * DAY_MS,
      denials: [
        { customer: 'globex', feature: 'sso', meter: '', reason: 'not_entitled' as const, amount: 9, count: 9 },
      ],
    })),
  ]);
  const { view } = control.engine;
  await startForecasts({
    clickhouse: control.clickhouse,
    catalog: view,
    rules: DEFAULT_RULES,
    listCustomers: async () => ({ ids: ['acme', 'globex'], cursor: null }),
    registry: new Registry(),
    log: { info: () => undefined, warn: () => undefined },
    everySeconds: 0,
  }).run();
});

afterAll(() => control.stop());

const rowsOf = async (path: string, key?: string): Promise<Record<string, unknown>[]> => {
  const { status, body } = await control.call('GET', path, undefined, key);
  expect(status).toBe(200);
  return body.rows as Record<string, unknown>[];
};
const makeKey = async (scopes: string[], customer?: string): Promise<string> => {
  const { body } = await control.call('POST', '/v1/keys', { name: 'test', scopes, ...(customer && { customer }) });
  return String(body.key);
};
const text = async (path: string): Promise<string> => {
  const response = await fetch(`${control.url}${path}`, {
    headers: { authorization: `Bearer ${await makeKey(['read'])}` },
  });
  expect(response.status).toBe(200);
  return response.text();
};

it('forecasts are told with amounts in the meter’s scale, as JSON, CSV and Parquet', async () => {
  const rows = await rowsOf('/v1/forecasts?customer=acme');
  expect(rows).toMatchObject([
    { customer: 'acme', feature: 'api', limit: 'monthly', included: 10, cap: 10, used: 12 },
    { feature: 'disk', limit: 'ever', included: '5', used: '1.25', expected: null, window: { end: null } },
  ]);
  expect(rows[0]?.reachesAt).toBe(rows[0]?.asOf);
  const csv = await text('/v1/forecasts?customer=acme&format=csv');
  expect(csv.split('\r\n')[0]).toBe(
    'customer,feature,limit,windowStart,windowEnd,included,cap,used,expected,low,high,reachesAt,reachesFrom,reachesTo,asOf',
  );
  expect((await text('/v1/forecasts?format=parquet')).slice(0, 4)).toBe('PAR1');
});

it('a key that is bound to a customer sees its forecasts, and no signals', async () => {
  const bound = await makeKey(['read'], 'acme');
  expect((await rowsOf('/v1/forecasts', bound)).map((row) => row.customer)).toEqual(['acme', 'acme']);
  expect((await control.call('GET', '/v1/signals', undefined, bound)).status).toBe(403);
  expect((await control.call('GET', '/v1/forecasts?customer=globex', undefined, bound)).status).toBe(403);
});

it('a signal is snoozed, done and opened again, with who said it', async () => {
  const [signal] = await rowsOf('/v1/signals?kind=upsell&customer=globex');
  expect(signal).toMatchObject({ rule: 'wantsFeature', feature: 'sso', state: 'open', numbers: { denials: 27 } });
  const path = `/v1/signals/${signal?.id}`;
  const until = new Date(Date.now() + DAY_MS).toISOString();
  const snoozed = await control.call('PATCH', path, { state: 'snoozed', until });
  expect(snoozed).toMatchObject({ status: 200, body: { state: 'snoozed', snoozedUntil: until, changedBy: 'admin' } });
  expect(await rowsOf('/v1/signals?state=snoozed')).toEqual([snoozed.body]);
  const done = await control.call('PATCH', path, { state: 'done' });
  expect(done.body).toMatchObject({ state: 'done', snoozedUntil: null });
  expect((await control.call('PATCH', path, { state: 'open' })).body).toMatchObject({ state: 'open' });
  expect(await text('/v1/signals?format=csv')).toContain('wantsFeature');
  expect((await text('/v1/signals?format=parquet')).slice(0, 4)).toBe('PAR1');
});

it('on a ledger that has just begun nobody is told to use less than is paid for', async () => {
  expect(await rowsOf('/v1/signals?kind=churn')).toEqual([]);
});

it('a change that cannot be meant is refused', async () => {
  const [signal] = await rowsOf('/v1/signals');
  const path = `/v1/signals/${signal?.id}`;
  const refused = async (body: unknown, to = path, key?: string) => {
    const answer = await control.call('PATCH', to, body, key);
    const { code, field } = answer.body.error as { code: string; field?: string };
    return [answer.status, code, field];
  };
  expect(await refused({ state: 'snoozed' })).toEqual([400, 'invalid_request', 'until']);
  expect(await refused({ state: 'done', until: '2030-01-01T00:00:00Z' })).toEqual([400, 'invalid_request', 'until']);
  expect(await refused({ state: 'snoozed', until: '2020-01-01T00:00:00Z' })).toEqual([400, 'invalid_request', 'until']);
  expect(await refused({ state: 'gone' })).toEqual([400, 'invalid_request', 'state']);
  expect(await refused({ state: 'done' }, '/v1/signals/none')).toEqual([404, 'not_found', undefined]);
  expect(await refused({ state: 'done' }, path, await makeKey(['read']))).toEqual([403, 'forbidden', undefined]);
});
