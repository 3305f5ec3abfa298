import { expect, it } from 'vitest';
import { errorOf, useGateway } from './gateway-support.js';

const bench = useGateway();
const CHECK = { customer: 'acme', feature: 'chat', amount: 1 };
const idOf = (response: Response): string | null => response.headers.get('x-request-id');

it('a request id that a caller brings comes back, on the hot path as on every other', async () => {
  const headers = { 'x-request-id': '7d0f.a:1/b=' };
  for (const [path, body] of [
    ['/v1/check', CHECK],
    ['/v1/check/batch', { checks: [CHECK] }],
    ['/healthz', undefined],
    ['/nowhere', undefined],
  ] as const) {
    expect(idOf(await bench().call(path, { body, headers })), path).toBe(headers['x-request-id']);
  }
});

it('one that no header should carry is replaced; the hot path makes one only for an error', async () => {
  for (const given of ['x'.repeat(129), 'a b', 'ä', '"><script>']) {
    const id = idOf(
      await bench().call('/healthz', { headers: { 'x-request-id': Buffer.from(given).toString('latin1') } }),
    );
    expect(id).toMatch(/^[\w-]{12}-[0-9a-z]+$/);
  }
  expect(idOf(await bench().call('/v1/check', { body: CHECK }))).toBeNull();
  expect(idOf(await bench().call('/v1/check', { body: CHECK, headers: { 'x-request-id': 'a b' } }))).toBeNull();
});

it('every error names its request in header and body, each another', async () => {
  const answers = await Promise.all([
    bench().call('/v1/check', { body: '{' }),
    bench().call('/v1/check', { body: CHECK, key: 'nobody' }),
    bench().call('/v1/check/batch', { body: {} }),
    bench().call('/nowhere'),
  ]);
  const ids = answers.map(idOf);
  expect(new Set(ids).size).toBe(4);
  expect(await Promise.all(answers.map(async (answer) => (await errorOf(answer)).requestId))).toEqual(ids);
});

it('the log line of a fault has the request id that its caller saw', async () => {
  const { faults } = bench();
  const broken = { ...CHECK, feature: 'bug' };
  const answers = [
    await bench().call('/v1/check', { body: broken }),
    await bench().call('/v1/check/batch', { body: { checks: [broken] }, headers: { 'x-request-id': 'mine' } }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([500, 500]);
  const logged = faults.flatMap((line) => (Array.isArray(line) ? [line[0]] : []));
  expect(logged).toMatchObject([{ requestId: idOf(answers[0] as Response) }, { requestId: 'mine' }]);
  expect(logged).toHaveLength(2);
});
