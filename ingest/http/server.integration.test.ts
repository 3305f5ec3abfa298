import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { assertCustomer } from './auth.js';
import { ADMIN_KEY, rawExchange, startTestServer, type TestServer } from './edge-support.js';
import type { Route } from './types.js';

const thingSchema = z.strictObject({ name: z.string(), amount: z.union([z.number(), z.string()]).default(1) });

const waits: (() => void)[] = [];
const release = (): void => {
  for (const letGo of waits.splice(0)) letGo();
};
const routes: Route[] = [
  {
    method: 'PUT',
    path: '/v1/things/:id',
    scope: 'check',
    summary: 'Stores a thing',
    request: thingSchema,
    bodyBytesMax: 64 * 1024,
    handle: async (context) => {
      const id = context.params.id ?? '';
      assertCustomer(context.key, id);
      return { status: 200, json: { id, ...(await context.json(thingSchema)), key: context.key?.id } };
    },
  },
  {
    method: 'GET',
    path: '/v1/things/:id',
    scope: 'read',
    summary: 'Shows a thing',
    query: z.strictObject({ limit: z.string().optional() }),
    handle: (context) => ({
      status: 200,
      json: { id: context.params.id, ...context.parseQuery(z.strictObject({ limit: z.string().optional() })) },
    }),
  },
  {
    method: 'GET',
    path: '/stream',
    scope: 'read',
    summary: 'Streams lines',
    handle: (context) => ({
      status: 200,
      headers: { 'content-type': 'text/csv' },
      chunks: lines(Number(context.query.get('lines')), context.query.get('fail')),
    }),
  },
  {
    method: 'GET',
    path: '/large',
    scope: 'read',
    summary: 'One large answer',
    handle: () => ({ status: 200, text: 'x'.repeat(8_000_000) }),
  },
  {
    method: 'GET',
    path: '/broken',
    scope: 'read',
    summary: 'Throws',
    handle: () => {
      throw new Error('secret detail');
    },
  },
  {
    method: 'GET',
    path: '/split',
    scope: 'read',
    summary: 'Tries to smuggle a header',
    handle: () => ({ status: 200, json: {}, headers: { 'x-a': 'b\r\nset-cookie: c' } }),
  },
  {
    method: 'GET',
    path: '/wait',
    scope: 'public',
    summary: 'Waits until it is let go',
    handle: async () => {
      await new Promise<void>((resolve) => {
        waits.push(resolve);
      });
      return { status: 200, json: { waited: true } };
    },
  },
  {
    method: 'ANY',
    path: '/any/*',
    scope: 'public',
    summary: 'Any',
    handle: (context) => ({ status: 200, json: { method: context.method, path: context.path } }),
  },
  {
    method: 'GET',
    path: '/page',
    scope: 'public',
    summary: 'A page',
    handle: () => ({ status: 200, text: '<p>', headers: { 'content-type': 'text/html' } }),
  },
];

async function* lines(count: number, fail: string | null): AsyncGenerator<string> {
  if (fail === 'first') throw new Error('the query failed');
  for (let index = 0; index < count; index++) {
    yield `${'line '.repeat(200)}${index}\n`;
    if (fail !== 'later') continue;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (index === 1) throw new Error('the query failed later');
  }
}

let edge: TestServer;
beforeAll(async () => {
  edge = await startTestServer({ routes, bodyStallMs: 400 });
});
afterAll(async () => {
  release();
  await edge.server.close();
});

const auth = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const call = (path: string, init: RequestInit = {}, key = 'key-all'): Promise<Response> =>
  fetch(edge.url + path, {
    ...init,
    headers: { ...auth(key), ...(init.headers as Record<string, string> | undefined) },
  });
const put = (body: string | Buffer, headers: Record<string, string> = {}, key?: string): Promise<Response> =>
  call('/v1/things/acme', { method: 'PUT', body, headers }, key);
const errorOf = async (response: Response): Promise<{ code: string; field?: string; message: string; docs: string }> =>
  ((await response.json()) as { error: { code: string; field?: string; message: string; docs: string } }).error;

describe('routing', () => {
  it('answers with the parameters decoded and the key known', async () => {
    const response = await call('/v1/things/a%2Fb%20%C3%A9', { method: 'PUT', body: '{"name":"n"}' });
    expect(await response.json()).toEqual({ id: 'a/b é', name: 'n', amount: 1, key: 'k-all' });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('says 404 and 405 in JSON, with the allowed methods', async () => {
    const missing = await call('/v1/nothing');
    expect([missing.status, (await errorOf(missing)).code]).toEqual([404, 'not_found']);
    const wrong = await call('/v1/things/a', { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'PUT, GET, HEAD']);
    expect(await errorOf(wrong)).toMatchObject({
      code: 'method_not_allowed',
      docs: 'docs/errors.md#method_not_allowed',
    });
  });

  it('answers HEAD like GET, without a body', async () => {
    const response = await call('/v1/things/a', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    const streamed = await call('/stream?lines=5', { method: 'HEAD' });
    expect([streamed.status, await streamed.text()]).toEqual([200, '']);
    expect((await call('/v1/things/a')).status).toBe(200);
  });

  it('takes any method and any rest where a route says so', async () => {
    const response = await fetch(`${edge.url}/any/x/y?z=1`, { method: 'PATCH', body: 'abc' });
    expect(await response.json()).toEqual({ method: 'PATCH', path: '/any/x/y' });
  });

  it('refuses a path that is not an id', async () => {
    for (const id of ['%ff', '%00', '%0a', 'a'.repeat(257)]) {
      const response = await call(`/v1/things/${id}`);
      expect([response.status, (await errorOf(response)).field]).toEqual([400, 'id']);
    }
  });

  it('refuses unknown and repeated query parameters by name', async () => {
    expect(await errorOf(await call('/v1/things/a?limt=1'))).toMatchObject({ code: 'unknown_field', field: 'limt' });
    expect(await errorOf(await call('/v1/things/a?limit=1&limit=2'))).toMatchObject({
      code: 'invalid_request',
      field: 'limit',
    });
    expect(await errorOf(await call('/v1/things/a?__proto__=2'))).toMatchObject({ code: 'unknown_field' });
  });

  it('keeps an unforeseen fault to the log', async () => {
    const response = await call('/broken');
    expect(response.status).toBe(500);
    expect(JSON.stringify(await response.json())).not.toContain('secret');
    expect(String(edge.faults.at(-1))).toContain('secret detail');
    expect((await call('/split')).status).toBe(500);
  });

  it('guards pages against frames', async () => {
    const response = await fetch(`${edge.url}/page`);
    expect(response.headers.get('x-frame-options')).toBe('DENY');
  });
});

describe('keys', () => {
  it('are needed, known and scoped', async () => {
    const none = await fetch(`${edge.url}/v1/things/a`);
    expect([none.status, (await errorOf(none)).code]).toEqual([401, 'unauthenticated']);
    expect(none.headers.get('www-authenticate')).toContain('Bearer');
    const basic = await fetch(`${edge.url}/v1/things/a`, { headers: { authorization: 'Basic abc' } });
    expect((await errorOf(basic)).code).toBe('unauthenticated');
    const wrong = await call('/v1/things/a', {}, 'nonsense');
    expect([wrong.status, (await errorOf(wrong)).code]).toEqual([401, 'invalid_key']);
    const under = await call('/v1/things/a', {}, 'key-ingest');
    expect([under.status, (await errorOf(under)).code]).toEqual([403, 'forbidden']);
  });

  it('come as Bearer in any case or as x-weir-key, which wins', async () => {
    expect((await fetch(`${edge.url}/v1/things/a`, { headers: { authorization: 'bearer  key-read' } })).status).toBe(
      200,
    );
    expect((await call('/v1/things/a', { headers: { 'x-weir-key': 'key-read' } }, 'an-end-users-token')).status).toBe(
      200,
    );
  });

  it('of the operator have every scope', async () => {
    expect((await call('/v1/things/a', {}, ADMIN_KEY)).status).toBe(200);
    expect((await call('/v1/things/a', {}, `${ADMIN_KEY}x`)).status).toBe(401);
  });

  it('bound to a customer serve no other', async () => {
    expect((await put('{"name":"n"}', {}, 'key-acme')).status).toBe(200);
    const other = await call('/v1/things/globex', { method: 'PUT', body: '{"name":"n"}' }, 'key-acme');
    expect([other.status, (await errorOf(other)).code]).toEqual([403, 'forbidden']);
  });

  it('are not needed for health on loopback, but for a forwarded caller', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) {
      expect((await fetch(edge.url + path)).status).toBe(200);
      expect((await fetch(edge.url + path, { headers: { 'x-forwarded-for': '1.2.3.4' } })).status).toBe(401);
    }
    expect((await call('/healthz', { headers: { 'x-forwarded-for': '1.2.3.4' } }, 'key-read')).status).toBe(200);
  });
});

describe('bodies', () => {
  it.each([
    ['{"name":', 'invalid_json', undefined],
    ['', 'invalid_json', undefined],
    [Buffer.from([0x22, 0xff, 0x22]), 'invalid_json', undefined],
    ['[]', 'invalid_request', undefined],
    ['null', 'invalid_request', undefined],
    ['{"name":1}', 'invalid_request', 'name'],
    ['{}', 'invalid_request', 'name'],
    ['{"name":"n","nmae":1}', 'unknown_field', 'nmae'],
    ['{"name":"n","__proto__":1}', 'unknown_field', '__proto__'],
    ['{"name":"n","amount":true}', 'invalid_amount', 'amount'],
  ])('refuses %s as %s', async (body, code, field) => {
    const response = await put(body);
    expect(response.status).toBe(400);
    const error = await errorOf(response);
    expect([error.code, error.field]).toEqual([code, field]);
  });

  it('come in chunks, with a length or without', async () => {
    const { text } = await rawExchange(edge.server.port, [
      'PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ntransfer-encoding: chunked\r\n\r\n',
      '5\r\n{"nam\r\n',
      '7\r\ne":"n"}\r\n0\r\n\r\n',
    ]);
    expect(text).toContain('{"id":"acme","name":"n"');
  });

  it('may be gzip, and nothing else', async () => {
    expect((await put(gzipSync('{"name":"n"}'), { 'content-encoding': 'gzip' })).status).toBe(200);
    const broken = await put('{"name":"n"}', { 'content-encoding': 'gzip' });
    expect([broken.status, (await errorOf(broken)).code]).toEqual([400, 'invalid_gzip']);
    const cut = await put(gzipSync('{"name":"n"}').subarray(0, 20), { 'content-encoding': 'gzip' });
    expect((await errorOf(cut)).code).toBe('invalid_gzip');
    const other = await put('{"name":"n"}', { 'content-encoding': 'br' });
    expect([other.status, (await errorOf(other)).code]).toEqual([415, 'unsupported_media_type']);
  });

  it('past the bound are 413, told by the length, by what came, or by what a bomb unpacks to', async () => {
    const large = await put('x'.repeat(70_000));
    expect([large.status, (await errorOf(large)).code]).toEqual([413, 'body_too_large']);
    const huge = await put('x'.repeat(30_000_000));
    expect(huge.status).toBe(413);
    const bomb = await put(gzipSync(Buffer.alloc(50_000_000, 'x')), { 'content-encoding': 'gzip' });
    expect([bomb.status, (await errorOf(bomb)).code]).toEqual([413, 'body_too_large']);
    const chunk = `ffff\r\n${'x'.repeat(65_535)}\r\n`;
    const { text } = await rawExchange(edge.server.port, [
      'PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ntransfer-encoding: chunked\r\n\r\n',
      chunk,
      chunk,
      chunk,
    ]);
    expect(text).toContain('413 Payload Too Large');
    expect((await put('{"name":"n"}')).status).toBe(200);
  });

  it('that never end are 408, and the connection is closed', async () => {
    const { text, closed } = await rawExchange(
      edge.server.port,
      ['PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ncontent-length: 50\r\n\r\n', '{"na'],
      { settleMs: 5_000 },
    );
    expect(text).toContain('408 Request Timeout');
    expect(text).toContain('"body_timeout"');
    expect(closed).toBe(true);
  });

  it('that are abandoned leave nothing behind', async () => {
    for (let index = 0; index < 20; index++) {
      await rawExchange(
        edge.server.port,
        ['PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ncontent-length: 5000\r\n\r\nabc'],
        { settleMs: 5 },
      );
    }
    await expect
      .poll(async () => (await fetch(`${edge.url}/metrics`)).text())
      .toMatch(/weir_http_requests_in_flight 1\n[\s\S]*weir_http_body_bytes 0\n/);
  });
});

describe('answers', () => {
  it('stream with back-pressure', async () => {
    const response = await call('/stream?lines=20000');
    expect(response.headers.get('content-type')).toBe('text/csv');
    let bytes = 0;
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(20_000_000);
  });

  it('may be large', async () => {
    const { text, closed } = await rawExchange(
      edge.server.port,
      ['GET /large HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\n\r\n'],
      { settleMs: 1_000 },
    );
    expect([text.length > 8_000_000, closed]).toEqual([true, false]);
  });

  it('that fail at once are errors, that fail later are torn', async () => {
    expect((await call('/stream?lines=3&fail=first')).status).toBe(500);
    const torn = await call('/stream?lines=3&fail=later');
    expect(torn.status).toBe(200);
    await expect(torn.text()).rejects.toThrow();
    expect(String(edge.faults.at(-1))).toContain('failed later');
  });

  it('to a client that is gone are dropped', async () => {
    const abort = new AbortController();
    const waiting = fetch(`${edge.url}/wait`, { signal: abort.signal });
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort.abort();
    await expect(waiting).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    const half = await call('/stream?lines=200000');
    await half.body?.cancel();
    expect((await fetch(`${edge.url}/healthz`)).status).toBe(200);
  });
});

describe('rude clients', () => {
  it('leave the process up', async () => {
    const head = 'PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\n';
    const attacks: (string | Buffer)[][] = [
      [Buffer.from([0, 1, 2, 3, 255, 254]), '\r\n\r\n'],
      ['GET / HTTP/1.0\r\n\r\n'],
      [`GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(200_000)}\r\n\r\n`],
      [`GET /healthz HTTP/1.1\r\nhost: x\r\n${'h: v\r\n'.repeat(500)}\r\n`],
      [`${head}content-length: -5\r\n\r\nabc`],
      [`${head}content-length: 99999999999999999999\r\n\r\nabc`],
      [`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
      [`${head}transfer-encoding: chunked\r\n\r\nzz\r\n`],
      [`${head}content-length: 12\r\n\r\n{"name":"n"}`.repeat(20)],
      ['GET /wait HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(5)],
      ['GET /wait HTTP/1.1\r\nhost: x\r\n\r\n'],
      [...`${head}content-length: 12\r\n\r\n{"name":"n"}`],
    ];
    await Promise.all(attacks.map((pieces) => rawExchange(edge.server.port, pieces, { gapMs: 1, settleMs: 50 })));
    expect((await fetch(`${edge.url}/healthz`)).status).toBe(200);
  });
});

describe('the documents', () => {
  it('describe the routes from their schemas', async () => {
    const document = (await (await fetch(`${edge.url}/openapi.json`)).json()) as Record<string, never>;
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
    await call('/v1/things/a');
    const text = await (await fetch(`${edge.url}/metrics`)).text();
    expect(text).toMatch(/weir_http_requests_total\{route="\/v1\/things\/:id",method="GET",status="200"\} [1-9]/);
    expect(text).toMatch(/weir_http_request_duration_seconds_bucket\{route="\/v1\/things\/:id",le="\+Inf"\} [1-9]/);
    expect(text).toMatch(/weir_http_request_duration_seconds_count\{route="\/v1\/things\/:id"\} [1-9]/);
  });
});

describe('a drain', () => {
  it('finishes what was accepted, tells clients to leave, and frees the port', async () => {
    const draining = await startTestServer({ routes });
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
    const draining = await startTestServer({ routes });
    const response = await fetch(`${draining.url}/large`, { headers: auth('key-all') });
    const closed = draining.server.close();
    expect((await response.text()).length).toBe(8_000_000);
    await closed;
  });
});
