import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../test-support/control-plane.js';

const CATALOG = `
meters: [{ id: calls, eventType: call, aggregation: count }]
features: [{ id: api, kind: metered, meter: calls }, { id: sso, kind: boolean }]
plans:
  - id: pro
    features:
      api: { limits: [{ id: monthly, kind: quota, amount: 10, window: { every: month } }, { id: burst, kind: bucket, capacity: 5, refill: { amount: 1, everyMs: 1000 } }] }
customers: [{ id: of-file, plan: pro }]
`;
const MONTHLY = { feature: 'api', limit: 'monthly', amount: 90 };

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane(CATALOG);
  await plane.call('PUT', '/v1/customers/acme', { plan: 'pro', name: 'Acme' });
});
afterAll(() => plane.stop());

const path = (grant: string, customer = 'acme') => `/v1/customers/${customer}/grants/${grant}`;
const included = async () => {
  await plane.engine.view.catchUp();
  const outcome = await plane.engine.check({ customer: 'acme', feature: 'api', amount: 0, dryRun: true });
  return outcome.status === 'decided' ? outcome.decision.limits.monthly : expect.unreachable(outcome.code);
};

it('a grant is made, replaced, listed and deleted, each a version in force when it is answered', async () => {
  expect(await plane.call('PUT', path('bonus'), MONTHLY)).toMatchObject({
    status: 201,
    body: { id: 'bonus', ...MONTHLY },
  });
  expect(await included()).toMatchObject({ included: 100 });
  const shorter = { ...MONTHLY, amount: 5, endsAt: '2199-01-01T00:00:00Z', reason: 'an apology' };
  expect(await plane.call('PUT', path('bonus'), shorter)).toMatchObject({ status: 200 });
  expect(await plane.call('PUT', path('other'), MONTHLY)).toMatchObject({ status: 201 });
  expect(await included()).toMatchObject({ included: 105 });
  expect((await plane.call('GET', path('bonus'))).body).toEqual({ id: 'bonus', ...shorter });
  expect((await plane.call('GET', '/v1/customers/acme/grants')).body).toMatchObject({
    rows: [{ id: 'bonus' }, { id: 'other' }],
  });
  const sheet = await plane.call('GET', '/v1/console/customers/acme');
  expect(sheet.body).toMatchObject({ grants: [{ amount: 5, endsAt: shorter.endsAt }, { amount: 90 }] });
  expect(JSON.stringify(sheet.body)).not.toContain('apology');
  expect(await plane.call('DELETE', path('bonus'))).toMatchObject({ status: 200, body: { deleted: true } });
  expect(await plane.call('DELETE', path('bonus'))).toMatchObject({ status: 404 });
  expect(await plane.call('DELETE', path('other'))).toMatchObject({ status: 200 });
  expect(await included()).toMatchObject({ included: 10 });
  // The rest of the customer is as it was.
  expect((await plane.call('GET', '/v1/customers/acme')).body).toMatchObject({ name: 'Acme', plan: 'pro' });
});

it('grants that are made at once all stand', async () => {
  const ids = ['a', 'b', 'c', 'd'];
  const made = await Promise.all(ids.map((id) => plane.call('PUT', path(id), { ...MONTHLY, amount: 1 })));
  expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect(await included()).toMatchObject({ included: 14 });
});

it.each([
  [path('x'), { ...MONTHLY, amount: 0 }, 400, 'invalid_amount'],
  [path('x'), { ...MONTHLY, id: 'y' }, 400, 'invalid_request'],
  [path('x'), { ...MONTHLY, more: 1 }, 400, 'unknown_field'],
  [path('x'), { ...MONTHLY, startsAt: '2026-02-01T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' }, 400, 'invalid_request'],
  [path('x'), [], 400, 'invalid_request'],
  [path('x'), { ...MONTHLY, feature: 'nothing' }, 422, 'invalid_catalog'],
  [path('x'), { ...MONTHLY, limit: 'burst' }, 422, 'invalid_catalog'],
  [path('x'), { ...MONTHLY, limit: 'nothing' }, 422, 'invalid_catalog'],
  [path('x', 'nobody'), MONTHLY, 404, 'not_found'],
  [path('x', 'of-file'), MONTHLY, 409, 'owned_by_source'],
])('PUT %s with %j is %d %s', async (to, body, status, code) => {
  expect(await plane.call('PUT', to, body)).toMatchObject({ status, body: { error: { code } } });
});

it('grants are the operator’s; a customer’s own key sees them on the customer, without their reasons', async () => {
  const { body: bound } = await plane.call('POST', '/v1/keys', { name: 'b', scopes: ['admin'], customer: 'acme' });
  const key = String(bound.key);
  expect(await plane.call('PUT', path('x'), MONTHLY, key)).toMatchObject({ status: 403 });
  expect(await plane.call('DELETE', path('a'), undefined, key)).toMatchObject({ status: 403 });
  expect(await plane.call('GET', path('a'), undefined, key)).toMatchObject({ status: 403 });
  await plane.call('PUT', path('a'), { ...MONTHLY, reason: 'an apology' });
  const { status, body } = await plane.call('GET', '/v1/customers/acme', undefined, key);
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { grants: expect.arrayContaining([{ id: 'a', ...MONTHLY }]) },
  });
  expect(JSON.stringify(body)).not.toContain('apology');
});
