import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { startControlPlane } from '../test-support/control-plane.js';

test('while Redis is away a change of the catalog is refused with store_unavailable, and is no fault of ours', async () => {
  const plane = await startControlPlane('{}');
  onTestFinished(() => plane.stop());
  const plan = { features: {} };
  expect((await plane.call('PUT', '/v1/plans/free', plan)).status).toBe(201);
  // It ends without an answer.
  await plane.redis.call('SHUTDOWN', 'NOSAVE').catch(() => undefined);
  const requests = [
    ['PUT', '/v1/plans/free', plan],
    ['GET', '/v1/plans', undefined],
    ['POST', '/v1/catalog/apply?owner=api', { plans: [{ id: 'free', ...plan }] }],
    ['POST', '/v1/keys', { scopes: ['check'] }],
  ] as const;
  for (const [method, path, body] of requests) {
    const answer = await waitFor(
      async () => {
        const each = await plane.call(method, path, body);
        return each.status < 300 ? undefined : each;
      },
      { timeoutMs: 10_000, what: 'a Redis that is gone' },
    );
    expect(answer, path).toMatchObject({ status: 503, body: { error: { code: 'store_unavailable' } } });
  }
});
