import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { errorOf, useEdge } from './edge-bench.js';
import { rawExchange } from './edge-support.js';

const bench = useEdge();

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
    const response = await bench().put(body);
    expect(response.status).toBe(400);
    const error = await errorOf(response);
    expect([error.code, error.field]).toEqual([code, field]);
  });

  it('come in chunks, with a length or without', async () => {
    const { text } = await rawExchange(bench().edge.server.port, [
      'PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ntransfer-encoding: chunked\r\n\r\n',
      '5\r\n{"nam\r\n',
      '7\r\ne":"n"}\r\n0\r\n\r\n',
    ]);
    expect(text).toContain('{"id":"acme","name":"n"');
  });

  it('may be gzip, and nothing else', async () => {
    expect((await bench().put(gzipSync('{"name":"n"}'), { 'content-encoding': 'gzip' })).status).toBe(200);
    const broken = await bench().put('{"name":"n"}', { 'content-encoding': 'gzip' });
    expect([broken.status, (await errorOf(broken)).code]).toEqual([400, 'invalid_gzip']);
    const cut = await bench().put(gzipSync('{"name":"n"}').subarray(0, 20), { 'content-encoding': 'gzip' });
    expect((await errorOf(cut)).code).toBe('invalid_gzip');
    const other = await bench().put('{"name":"n"}', { 'content-encoding': 'br' });
    expect([other.status, (await errorOf(other)).code]).toEqual([415, 'unsupported_media_type']);
  });

  it('past the bound are 413, told by the length, by what came, or by what a bomb unpacks to', async () => {
    const large = await bench().put('x'.repeat(70_000));
    expect([large.status, (await errorOf(large)).code]).toEqual([413, 'body_too_large']);
    const huge = await bench().put('x'.repeat(30_000_000));
    expect(huge.status).toBe(413);
    const bomb = await bench().put(gzipSync(Buffer.alloc(50_000_000, 'x')), { 'content-encoding': 'gzip' });
    expect([bomb.status, (await errorOf(bomb)).code]).toEqual([413, 'body_too_large']);
    const chunk = `ffff\r\n${'x'.repeat(65_535)}\r\n`;
    const { text } = await rawExchange(bench().edge.server.port, [
      'PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ntransfer-encoding: chunked\r\n\r\n',
      chunk,
      chunk,
      chunk,
    ]);
    expect(text).toContain('413 Payload Too Large');
    expect((await bench().put('{"name":"n"}')).status).toBe(200);
  });

  it('that never end are 408, and the connection is closed', async () => {
    const { text, closed } = await rawExchange(
      bench().edge.server.port,
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
        bench().edge.server.port,
        ['PUT /v1/things/acme HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ncontent-length: 5000\r\n\r\nabc'],
        { settleMs: 5 },
      );
    }
    await expect
      .poll(async () => (await fetch(`${bench().edge.url}/metrics`)).text())
      .toMatch(/weir_http_requests_in_flight 1\n[\s\S]*weir_http_body_bytes 0\n/);
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
    await Promise.all(
      attacks.map((pieces) => rawExchange(bench().edge.server.port, pieces, { gapMs: 1, settleMs: 50 })),
    );
    expect((await fetch(`${bench().edge.url}/healthz`)).status).toBe(200);
  });
});
