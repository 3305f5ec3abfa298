import { describe, expect, it } from 'vitest';
import { EVENT_BATCH_MAX, EVENT_BODY_BYTES_MAX } from '../../engine/contract/constants.js';
import {
  type Answerer,
  DECISION,
  failed,
  failure,
  hangUp,
  json,
  type Seen,
  serve,
  useServers,
} from './client-support.js';
import type { UsageEvent } from './index.js';

/** What the client does on the wire, against a server that answers as told. Weir itself is met in the system tests. */
useServers();

/** Charges every line. */
const chargeAll: Answerer = ({ body }, res) =>
  json(202, { accepted: body.split('\n').length, duplicates: 0, rejected: [] })({ ...NOTHING, body }, res);
const NOTHING: Seen = { method: '', path: '', headers: {}, body: '', port: 0 };

const check = { customer: 'acme', feature: 'chat' };
const events = (count: number, text = ''): UsageEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `e${index}`,
    type: 't',
    subject: 'acme',
    data: { n: index, text },
  }));

describe('a check', () => {
  it('carries the key and answers what the server decided, also what this client does not know yet', async () => {
    const { client, seen } = await serve([json(200, DECISION)]);
    expect(await client.check(check)).toEqual(DECISION);
    expect(seen[0]).toMatchObject({ method: 'POST', path: '/v1/check', body: JSON.stringify(check) });
    expect(seen[0]?.headers.authorization).toBe('Bearer test-key');
  });

  it('with an id is sent again when the registry says so, without one never', async () => {
    const busy = [failure('overloaded'), hangUp, json(200, DECISION)];
    const withId = await serve(busy);
    await withId.client.check({ ...check, id: 'c1' });
    expect(withId.seen.length).toBe(3);
    const dryRun = await serve(busy);
    await dryRun.client.check({ ...check, dryRun: true });
    expect(dryRun.seen.length).toBe(3);
    const without = await serve(busy);
    expect(await failed(without.client.check(check))).toMatchObject({ code: 'overloaded', status: 503 });
    expect(without.seen.length).toBe(1);
    const cut = await serve([hangUp, json(200, DECISION)]);
    expect(await failed(cut.client.check(check))).toMatchObject({ code: 'unreachable', status: 0 });
  });

  it('is not sent again for an error that would only come again', async () => {
    const { client, seen } = await serve([failure('id_conflict'), json(200, DECISION)]);
    const error = await failed(client.check({ ...check, id: 'c1' }));
    expect(error).toMatchObject({
      code: 'id_conflict',
      status: 409,
      field: 'amount',
      docs: 'docs/errors.md#id_conflict',
    });
    expect(error.message).toContain('detail');
    expect(seen.length).toBe(1);
  });

  it('gives up after its retries with the last error', async () => {
    const { client, seen } = await serve([failure('store_unavailable')], { retriesMax: 2 });
    expect(await failed(client.check({ ...check, id: 'c1' }))).toMatchObject({
      code: 'store_unavailable',
      retry: true,
    });
    expect(seen.length).toBe(3);
  });

  it('waits as long as the server asks', async () => {
    const { client } = await serve([failure('overloaded', { 'retry-after': '1' }), json(200, DECISION)]);
    const startMs = performance.now();
    await client.check({ ...check, id: 'c1' });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(990);
  });

  it('ends when the caller wants no more', async () => {
    const { client } = await serve([() => undefined]);
    const abort = new AbortController();
    const call = client.check({ ...check, id: 'c1' }, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });

  it('that is not answered in time is a timeout', async () => {
    const { client, seen } = await serve([() => undefined], { timeoutMs: 50, retriesMax: 1 });
    expect(await failed(client.check({ ...check, id: 'c1' }))).toMatchObject({ code: 'timeout', status: 0 });
    expect(seen.length).toBe(2);
  });
});

describe('connections', () => {
  it('carry a key of any script as its UTF-8', async () => {
    const { client, seen } = await serve([json(200, DECISION)], { key: 'schlüssel-鍵' });
    await client.check(check);
    expect(Buffer.from(seen[0]?.headers.authorization ?? '', 'latin1').toString()).toBe('Bearer schlüssel-鍵');
  });

  it('are kept from call to call', async () => {
    const { client, seen } = await serve([json(200, DECISION)]);
    for (let call = 0; call < 10; call++) await client.check(check);
    // A call that follows at once may find the connection not quite free, so there are two.
    expect(new Set(seen.map(({ port }) => port)).size).toBeLessThanOrEqual(2);
  });

  it('carry the key to nobody else: a redirect is an error', async () => {
    const { client, seen } = await serve([(_, res) => res.writeHead(302, { location: '/elsewhere' }).end()]);
    expect(await failed(client.check(check))).toMatchObject({ code: 'unexpected_answer', status: 302 });
    expect(seen.length).toBe(1);
  });
});

describe('an answer that is not of Weir', () => {
  it('is told apart from a failure of Weir', async () => {
    const { client } = await serve([(_, res) => res.writeHead(502).end('<html>bad gateway</html>')]);
    expect(await failed(client.check({ ...check, id: 'c1' }))).toMatchObject({
      code: 'unexpected_answer',
      status: 502,
    });
    const strange = await serve([json(200, { allowed: 'perhaps' })]);
    expect(await failed(strange.client.check(check))).toMatchObject({ code: 'unexpected_answer' });
  });

  it('nor are fewer results than checks, or fates than events', async () => {
    const { client } = await serve([json(200, { results: [DECISION] })]);
    expect(await failed(client.checkBatch([check, check]))).toMatchObject({ code: 'unexpected_answer' });
    const lossy = await serve([json(202, { accepted: 1, duplicates: 0, rejected: [] })]);
    expect(await failed(lossy.client.events(events(2)))).toMatchObject({ code: 'unexpected_answer' });
  });
});

describe('events', () => {
  it('go out in as many bodies as the bounds of a request ask for', async () => {
    const { client, seen } = await serve([chargeAll]);
    const many = events(EVENT_BATCH_MAX + 1);
    expect(await client.events(many)).toEqual({
      accepted: many.length,
      duplicates: 0,
      rejected: [],
      degraded: false,
      resent: 0,
    });
    expect(seen.map(({ body }) => body.split('\n').length)).toEqual([EVENT_BATCH_MAX, 1]);
    expect(seen[0]?.headers['content-type']).toBe('application/x-ndjson');

    const large = await serve([chargeAll]);
    await large.client.events(events(30, 'ü'.repeat(300_000)));
    expect(large.seen.length).toBeGreaterThan(1);
    for (const { body } of large.seen) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(EVENT_BODY_BYTES_MAX);
  });

  it('name rejected ones by their place among all, also over several bodies', async () => {
    const rejectFirst: Answerer = ({ body }, res) =>
      json(202, {
        accepted: body.split('\n').length - 1,
        duplicates: 0,
        rejected: [{ index: 0, id: 'x', code: 'unknown_customer', message: 'no' }],
      })(NOTHING, res);
    const { client } = await serve([rejectFirst]);
    const { rejected } = await client.events(events(EVENT_BATCH_MAX + 5));
    expect(rejected.map(({ index }) => index)).toEqual([0, EVENT_BATCH_MAX]);
  });

  it('that were refused for a passing reason go out again, alone', async () => {
    const busy = json(202, {
      accepted: 2,
      duplicates: 0,
      rejected: [
        { index: 1, id: 'e1', code: 'overloaded', message: 'later' },
        { index: 3, id: 'e3', code: 'missing_value', message: 'never' },
      ],
    });
    const { client, seen } = await serve([busy, chargeAll]);
    const answer = await client.events(events(4));
    expect(answer).toMatchObject({ accepted: 3, rejected: [{ index: 3, code: 'missing_value' }] });
    expect(seen[1]?.body).toBe(JSON.stringify(events(2)[1]));
  });

  it('say how many were sent twice, since those may be their own duplicates', async () => {
    const known: Answerer = ({ body }, res) =>
      json(202, { accepted: 0, duplicates: body.split('\n').length, rejected: [] })(NOTHING, res);
    const { client } = await serve([hangUp, known]);
    expect(await client.events(events(3))).toMatchObject({ accepted: 0, duplicates: 3, resent: 3 });
  });

  it('of none ask nobody', async () => {
    const { client, seen } = await serve([chargeAll]);
    expect(await client.events([])).toMatchObject({ accepted: 0 });
    expect(seen).toEqual([]);
  });
});

describe('the control plane', () => {
  it('is asked by encoded addresses and queries', async () => {
    const { client, seen } = await serve([json(200, { rows: [], id: 'x' })]);
    await client.control.usage({ meter: 'a&b', customer: undefined, from: '2026-11-01' });
    await client.control.getObject('customers', 'a/b ü');
    expect(seen.map(({ path }) => path)).toEqual([
      '/v1/usage?meter=a%26b&from=2026-11-01',
      '/v1/customers/a%2Fb%20%C3%BC',
    ]);
  });

  it('never makes a key twice: after a lost answer nobody would know the first one', async () => {
    const { client, seen } = await serve([hangUp]);
    expect(await failed(client.control.putKey(undefined, { scopes: ['read'] }))).toMatchObject({ code: 'unreachable' });
    expect(seen.length).toBe(1);
  });

  it('that is not ready is an answer', async () => {
    const { client } = await serve([json(503, { ready: false, problems: ['Redis cannot be reached'] })]);
    expect(await client.control.ready()).toEqual({ ready: false, problems: ['Redis cannot be reached'] });
  });
});

describe('a void', () => {
  it('is sent again until the ledger has caught up, since it is known by its event', async () => {
    const request = { customer: 'acme', source: 'sdk', id: 'e1', reason: 'sent twice' };
    const answer = { ...request, actor: 'admin', voidedAt: '2026-11-24T08:00:00.000Z', replayed: false, facts: [] };
    const { client, seen } = await serve([failure('ledger_behind'), hangUp, json(200, answer)]);
    expect(await client.control.voidEvent(request)).toEqual(answer);
    expect(seen.map(({ method, path, body }) => [method, path, body])).toEqual(
      Array.from({ length: 3 }, () => ['POST', '/v1/events/void', JSON.stringify(request)]),
    );
  });
});
