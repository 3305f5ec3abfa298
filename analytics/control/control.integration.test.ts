import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../test-support/control-plane.js';

let plane: ControlPlane;
const call: ControlPlane['call'] = (...request) => plane.call(...request);

beforeAll(async () => {
  plane = await startControlPlane('meters:\n  - { id: calls, eventType: call, aggregation: count }\n');
});

afterAll(() => plane.stop());

it('the catalog is written one object at a time, and an object of the file is not overwritten', async () => {
  const feature = { kind: 'metered', meter: 'calls' };
  expect(await call('PUT', '/v1/features/api', feature)).toMatchObject({
    status: 201,
    body: { id: 'api', ...feature },
  });
  const shown = await call('GET', '/v1/features/api');
  expect(shown).toMatchObject({ status: 200, body: { id: 'api', ...feature } });
  expect(shown.headers.get('weir-owner')).toBe('api');
  // What was read may be sent again as it is.
  expect(await call('PUT', '/v1/features/api', shown.body)).toMatchObject({ status: 200 });
  expect(await call('GET', '/v1/features')).toMatchObject({ body: { rows: [{ id: 'api' }] } });
  const owned = await call('PUT', '/v1/meters/calls', { eventType: 'other', aggregation: 'count' });
  expect(owned).toMatchObject({ status: 409, body: { error: { code: 'owned_by_source' } } });
  expect(await call('PUT', '/v1/plans/pro', { features: { chat: true } })).toMatchObject({ status: 422 });
  expect(await call('DELETE', '/v1/features/api')).toMatchObject({ status: 200 });
  expect(await call('GET', '/v1/features/api')).toMatchObject({ status: 404 });
});

it('a key works from its answer on, within its scopes, and no longer once it is revoked', async () => {
  const made = await call('POST', '/v1/keys', { name: 'reports', scopes: ['read'] });
  expect(made.status).toBe(201);
  const key = String(made.body.key);
  const shown = await call('GET', `/v1/keys/${String(made.body.id)}`);
  expect(shown.body).not.toHaveProperty('key');
  expect(shown.body).not.toHaveProperty('hash');
  const report = '/v1/reports/utilization?period=2026-11';
  expect(await call('GET', report, undefined, key)).toMatchObject({ status: 200, body: { rows: [] } });
  expect(await call('GET', '/v1/keys', undefined, key)).toMatchObject({ status: 403 });
  await call('DELETE', `/v1/keys/${String(made.body.id)}`);
  expect(await call('GET', report, undefined, key)).toMatchObject({ status: 401 });
});

it('reports refuse what they cannot answer by name', async () => {
  const cases = [
    ['/v1/reports/utilization?period=2026-13', 400, 'invalid_period'],
    ['/v1/reports/utilization?period=2026-11&nonsense=1', 400, 'unknown_field'],
    ['/v1/usage?meter=nothing', 404, 'unknown_meter'],
    ['/v1/usage?meter=calls&from=2026-01-01&to=2026-12-01&granularity=hour', 400, 'invalid_period'],
    ['/v1/usage?meter=calls&groupBy=colour', 400, 'invalid_request'],
    ['/v1/usage?meter=calls&timezone=Mars/Phobos', 400, 'invalid_request'],
    ['/v1/reports/denials?cursor=rubbish', 400, 'invalid_request'],
    ['/v1/reports/near-limits?threshold=many', 400, 'invalid_request'],
    ['/v1/reports/near-limits?cursor=rubbish', 400, 'invalid_request'],
    ['/v1/reports/utilization?period=2026-11&entity=team', 400, 'invalid_request'],
    ['/v1/usage?meter=calls&entity=team', 400, 'invalid_request'],
    ['/v1/audit?format=xml', 400, 'invalid_request'],
  ] as const;
  for (const [path, status, code] of cases) {
    expect(await call('GET', path), path).toMatchObject({ status, body: { error: { code } } });
  }
});

it('1 200 periods are answered, one more is refused', async () => {
  const hours = (count: number) => {
    const to = new Date(Date.UTC(2026, 0, 1) + count * 3_600_000).toISOString();
    return `/v1/usage?meter=calls&from=2026-01-01&to=${to}&granularity=hour&timezone=Asia/Kathmandu`;
  };
  const { body } = await call('GET', hours(1_199));
  // Kathmandu's hours begin at a quarter past, so that the first and the last are cut.
  expect((body as { rows: unknown[] }).rows).toHaveLength(1_200);
  expect(await call('GET', hours(1_200))).toMatchObject({ status: 400 });
});

it('it says that it is ready, and describes its routes', async () => {
  expect(await call('GET', '/readyz')).toMatchObject({ status: 200, body: { ready: true } });
  const { body } = await call('GET', '/openapi.json');
  expect(Object.keys(body.paths ?? {})).toEqual(
    expect.arrayContaining([
      '/v1/usage',
      '/v1/events/void',
      '/v1/reports/utilization',
      '/v1/keys/{id}',
      '/v1/customers/{id}',
    ]),
  );
});
