import { describe, expect, it } from 'vitest';
import { bearer, benchRoutes, errorOf, release, useEdge } from './edge-bench.js';
import { ADMIN_KEY, rawExchange, startTestServer } from './edge-support.js';

const bench = useEdge();

describe('routing', () => {
  it('answers with the parameters decoded and the key known', async () => {
    const response = await bench().call('/v1/things/a%2Fb%20%C3%A9', { method: 'PUT', body: '{"name":"n"}' });
    expect(await response.json()).toEqual({ id: 'a/b é', name: 'n', amount: 1, key: 'k-all' });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('says 404 and 405 in JSON, with the allowed methods', async () => {
    const missing = await bench().call('/v1/nothing');
    expect([missing.status, (await errorOf(missing)).code]).toEqual([404, 'not_found']);
    const wrong = await bench().call('/v1/things/a', { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'PUT, GET, HEAD']);
    expect(await errorOf(wrong)).toMatchObject({
      code: 'method_not_allowed',
      docs: 'docs/errors.md#method_not_allowed',
    });
  });

  it('answers HEAD like GET, without a body', async () => {
    const response = await bench().call('/v1/things/a', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    const streamed = await bench().call('/stream?lines=5', { method: 'HEAD' });
    expect([streamed.status, await streamed.text()]).toEqual([200, '']);
    expect((await bench().call('/v1/things/a')).status).toBe(200);
    for (const path of ['/healthz', '/nothing', '/v1/things/a']) {
      const bytes = `HEAD ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
      const { text } = await rawExchange(bench().edge.server.port, [bytes, bytes], { gapMs: 100 });
      const answer = /^HTTP\/1\.1 (200|404|401)[^{]*\r\ncontent-length: [1-9][^{]*\r\n\r\n$/i;
      const answers = text.split(/(?=HTTP\/1\.1)/);
      expect(answers).toEqual([expect.stringMatching(answer), expect.stringMatching(answer)]);
    }
  });

  it('answers 204 without a length, and the next request on the same connection', async () => {
    const { server } = await startTestServer({
      routes: [{ method: 'GET', path: '/empty', scope: 'public', summary: 'nothing', handle: () => ({ status: 204 }) }],
    });
    const request = 'GET /empty HTTP/1.1\r\nhost: a\r\n\r\n';
    const { text } = await rawExchange(server.port, [request, request], { gapMs: 100 });
    await server.close();
    expect(text.match(/HTTP\/1\.1 204/g)).toHaveLength(2);
    expect(text.toLowerCase()).not.toContain('content-length');
  });

  it('takes any method and any rest where a route says so', async () => {
    const response = await fetch(`${bench().edge.url}/any/x/y?z=1`, { method: 'PATCH', body: 'abc' });
    expect(await response.json()).toEqual({ method: 'PATCH', path: '/any/x/y' });
  });

  it('refuses a path that is not an id', async () => {
    for (const id of ['%ff', '%00', '%0a', 'a'.repeat(257)]) {
      const response = await bench().call(`/v1/things/${id}`);
      expect([response.status, (await errorOf(response)).field]).toEqual([400, 'id']);
    }
  });

  it('refuses unknown and repeated query parameters by name', async () => {
    expect(await errorOf(await bench().call('/v1/things/a?limt=1'))).toMatchObject({
      code: 'unknown_field',
      field: 'limt',
    });
    expect(await errorOf(await bench().call('/v1/things/a?limit=1&limit=2'))).toMatchObject({
      code: 'invalid_request',
      field: 'limit',
    });
    expect(await errorOf(await bench().call('/v1/things/a?__proto__=2'))).toMatchObject({ code: 'unknown_field' });
  });

  it('keeps an unforeseen fault to the log', async () => {
    const response = await bench().call('/broken');
    expect(response.status).toBe(500);
    expect(JSON.stringify(await response.json())).not.toContain('secret');
    expect(String(bench().edge.faults.at(-1))).toContain('secret detail');
    expect((await bench().call('/split')).status).toBe(500);
  });

  it('guards pages against frames', async () => {
    const response = await fetch(`${bench().edge.url}/page`);
    expect(response.headers.get('x-frame-options')).toBe('DENY');
  });
});

describe('keys', () => {
  it('are needed, known and scoped', async () => {
    const none = await fetch(`${bench().edge.url}/v1/things/a`);
    expect([none.status, (await errorOf(none)).code]).toEqual([401, 'unauthenticated']);
    expect(none.headers.get('www-authenticate')).toContain('Bearer');
    const basic = await fetch(`${bench().edge.url}/v1/things/a`, { headers: { authorization: 'Basic abc' } });
    expect((await errorOf(basic)).code).toBe('unauthenticated');
    const wrong = await bench().call('/v1/things/a', {}, 'nonsense');
    expect([wrong.status, (await errorOf(wrong)).code]).toEqual([401, 'invalid_key']);
    const under = await bench().call('/v1/things/a', {}, 'key-ingest');
    expect([under.status, (await errorOf(under)).code]).toEqual([403, 'forbidden']);
  });

  it('come as Bearer in any case or as x-weir-key, which wins', async () => {
    expect(
      (await fetch(`${bench().edge.url}/v1/things/a`, { headers: { authorization: 'bearer  key-read' } })).status,
    ).toBe(200);
    expect(
      (await bench().call('/v1/things/a', { headers: { 'x-weir-key': 'key-read' } }, 'an-end-users-token')).status,
    ).toBe(200);
  });

  it('of the operator have every scope', async () => {
    expect((await bench().call('/v1/things/a', {}, ADMIN_KEY)).status).toBe(200);
    expect((await bench().call('/v1/things/a', {}, `${ADMIN_KEY}x`)).status).toBe(401);
  });

  it('bound to a customer serve no other', async () => {
    expect((await bench().put('{"name":"n"}', {}, 'key-acme')).status).toBe(200);
    const other = await bench().call('/v1/things/globex', { method: 'PUT', body: '{"name":"n"}' }, 'key-acme');
    expect([other.status, (await errorOf(other)).code]).toEqual([403, 'forbidden']);
  });

  it('are not needed for health on loopback, but for a forwarded caller', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) {
      expect((await fetch(bench().edge.url + path)).status).toBe(200);
      expect((await fetch(bench().edge.url + path, { headers: { 'x-forwarded-for': '1.2.3.4' } })).status).toBe(401);
    }
    expect((await bench().call('/healthz', { headers: { 'x-forwarded-for': '1.2.3.4' } }, 'key-read')).status).toBe(
      200,
    );
  });
});

describe('answers', () => {
  it('stream with back-pressure', async () => {
    const response = await bench().call('/stream?lines=20000');
    expect(response.headers.get('content-type')).toBe('text/csv');
    let bytes = 0;
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(20_000_000);
  });

  it('may be large', async () => {
    const { text, closed } = await rawExchange(
      bench().edge.server.port,
      ['GET /large HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\n\r\n'],
      { settleMs: 1_000 },
    );
    expect([text.length > 8_000_000, closed]).toEqual([true, false]);
  });

  it('that fail at once are errors, that fail later are torn', async () => {
    expect((await bench().call('/stream?lines=3&fail=first')).status).toBe(500);
    const torn = await bench().call('/stream?lines=3&fail=later');
    expect(torn.status).toBe(200);
    await expect(torn.text()).rejects.toThrow();
    expect(String(bench().edge.faults.at(-1))).toContain('failed later');
  });

  it('to a client that is gone are dropped', async () => {
    const abort = new AbortController();
    const waiting = fetch(`${bench().edge.url}/wait`, { signal: abort.signal });
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort.abort();
    await expect(waiting).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    const half = await bench().call('/stream?lines=200000');
    await half.body?.cancel();
    expect((await fetch(`${bench().edge.url}/healthz`)).status).toBe(200);
  });
});

describe('the documents', () => {
  it('describe the routes from their schemas', async () => {
    const document = (await (await fetch(`${bench().edge.url}/openapi.json`)).json()) as Record<string, never>;
    expect(document).toMatchObject({
      openapi: '3.1.0',
      paths: {
        '/v1/things/{id}': {
          put: {
            requestBody: {
              content: { 'application/json': { schema: { additionalProperties: false, required: ['name'] } } },
            },
          },
          get: {
            parameters: [
              { name: 'id', in: 'path' },
              { name: 'limit', in: 'query', required: false },
            ],
          },
        },
        '/healthz': {},
      },
    });
    expect(document.paths).not.toHaveProperty('/any/*');
  });

  it('count requests and their time', async () => {
    await bench().call('/v1/things/a');
    const text = await (await fetch(`${bench().edge.url}/metrics`)).text();
    expect(text).toMatch(/weir_http_requests_total\{route="\/v1\/things\/:id",method="GET",status="200"\} [1-9]/);
    expect(text).toMatch(/weir_http_request_duration_seconds_bucket\{route="\/v1\/things\/:id",le="\+Inf"\} [1-9]/);
    expect(text).toMatch(/weir_http_request_duration_seconds_count\{route="\/v1\/things\/:id"\} [1-9]/);
  });
});

describe('a drain', () => {
  it('finishes what was accepted, tells clients to leave, and frees the port', async () => {
    const draining = await startTestServer({ routes: benchRoutes });
    await fetch(`${draining.url}/healthz`);
    const waiting = fetch(`${draining.url}/wait`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = draining.server.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    const response = await waiting;
    expect(await response.json()).toEqual({ waited: true });
    expect(response.headers.get('connection')).toBe('close');
    await closed;
    await expect(fetch(`${draining.url}/healthz`)).rejects.toThrow();
  });

  it('does not cut a large answer short', async () => {
    const draining = await startTestServer({ routes: benchRoutes });
    const response = await fetch(`${draining.url}/large`, { headers: bearer('key-all') });
    const closed = draining.server.close();
    expect((await response.text()).length).toBe(8_000_000);
    await closed;
  });

  const health = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';

  it('answers a client that had connected, and was not accepted yet', async () => {
    const draining = await startTestServer({ routes: benchRoutes });
    // The kernel connects while this turn of the event loop lasts; the server sees it in a later one.
    const waiting = rawExchange(draining.server.port, [health]);
    const closed = draining.server.close();
    const { text } = await waiting;
    expect(text).toContain('HTTP/1.1 200');
    await closed;
  });

  it('answers the next request of a connection that rests, and ends it then', async () => {
    const draining = await startTestServer({ routes: benchRoutes });
    const waiting = rawExchange(draining.server.port, [health, health], { gapMs: 400 });
    await expect.poll(async () => (await fetch(`${draining.url}/metrics`)).text()).toContain('route="/healthz"');
    const closed = draining.server.close();
    const { text, closed: ended } = await waiting;
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(text.toLowerCase().match(/connection: close/g)).toHaveLength(1);
    expect(ended).toBe(true);
    await closed;
  });
});
