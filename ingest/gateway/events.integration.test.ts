import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { INLINE_BODY_BYTES_MAX } from '../../engine/index.js';
import { rawExchange } from '../http/edge-support.js';
import { EVENT_CHUNK_MAX } from './decode.js';
import { FakeEngine } from './fake-engine.js';
import { type CallInit, errorOf, useGateway } from './gateway-support.js';

const bench = useGateway();
let count = 0;
const event = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  specversion: '1.0',
  id: `e-${count++}`,
  source: 'test',
  type: 'llm.request',
  subject: 'acme',
  data: { tokens: 5 },
  ...changes,
});
const send = (body: unknown, type = 'application/json', init: CallInit = {}): Promise<Response> =>
  bench().call('/v1/events', { body, ...init, headers: { 'content-type': type, ...init.headers } });

describe('POST /v1/events', () => {
  it('takes one event, a batch, and lines', async () => {
    const one = await send(event(), 'application/cloudevents+json');
    expect([one.status, await one.json()]).toEqual([202, { accepted: 1, duplicates: 0, rejected: [] }]);
    const batch = await send([event(), event()], 'application/cloudevents-batch+json; charset=utf-8');
    expect(await batch.json()).toMatchObject({ accepted: 2 });
    const lines = await send(`${JSON.stringify(event())}\n\r\n${JSON.stringify(event())}\n`, 'application/x-ndjson');
    expect(await lines.json()).toMatchObject({ accepted: 2 });
    expect(await (await send([])).json()).toEqual({ accepted: 0, duplicates: 0, rejected: [] });
    expect(
      await (
        await send(gzipSync(JSON.stringify(event())), 'application/json', { headers: { 'content-encoding': 'gzip' } })
      ).json(),
    ).toMatchObject({ accepted: 1 });
  });

  it('hands the engine what the event says', async () => {
    await send(
      event({
        id: 'full',
        time: '2026-05-01T12:00:00.5+02:00',
        entity: 'team',
        traceparent: 'x',
        data: { tokens: 1, model: 'm' },
      }),
    );
    expect(bench().engine.events.at(-1)).toEqual({
      id: 'full',
      source: 'test',
      type: 'llm.request',
      customer: 'acme',
      entity: 'team',
      happenedAtMs: Date.parse('2026-05-01T10:00:00.500Z'),
      data: { tokens: 1, model: 'm' },
    });
  });

  it('counts what it knows already', async () => {
    const known = event();
    await send(known);
    expect(await (await send([known, known])).json()).toEqual({ accepted: 0, duplicates: 2, rejected: [] });
  });

  it('keeps good events when others are bad, and names each bad one', async () => {
    const response = await send([
      event(),
      event({ id: undefined }),
      event({ id: 'x'.repeat(300) }),
      event({ id: 'a', subject: undefined }),
      event({ id: 'b', type: 'nothing.counts' }),
      event({ id: 'c', subject: 'nobody' }),
      event({ id: 'd', data: {} }),
      event({ id: 'e', time: 'yesterday' }),
      event({ id: 'f', time: '2026-02-30T00:00:00Z' }),
      event({ id: 'g', time: new Date(Date.now() + 600_000).toISOString() }),
      event({ id: 'h', specversion: '0.3' }),
      event({ id: 'i', data: 'text' }),
      event({ id: 'j', data: undefined, data_base64: 'e30=' }),
      'text',
      null,
      event(),
    ]);
    expect(response.status).toBe(202);
    const body = (await response.json()) as {
      accepted: number;
      rejected: { index: number; id: unknown; code: string; message: string }[];
    };
    expect(body.accepted).toBe(2);
    expect(body.rejected.map(({ index, id, code }) => [index, id, code])).toEqual([
      [1, null, 'invalid_request'],
      [2, 'x'.repeat(256), 'invalid_request'],
      [3, 'a', 'invalid_request'],
      [4, 'b', 'unknown_event_type'],
      [5, 'c', 'unknown_customer'],
      [6, 'd', 'missing_value'],
      [7, 'e', 'invalid_request'],
      [8, 'f', 'invalid_request'],
      [9, 'g', 'time_in_future'],
      [10, 'h', 'invalid_request'],
      [11, 'i', 'invalid_request'],
      [12, 'j', 'invalid_request'],
      [13, null, 'invalid_request'],
      [14, null, 'invalid_request'],
    ]);
    expect(body.rejected.every(({ message }) => message.length > 10)).toBe(true);
  });

  it('counts what it refuses, by the code that the sender was told', async () => {
    const refused = async (): Promise<number> => {
      const text = await (await bench().call('/metrics')).text();
      return Number(/^weir_events_rejected_total\{.*code="unknown_event_type".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const before = await refused();
    await send([event({ type: 'nothing.counts' }), event(), event({ type: 'nothing.counts.either' })]);
    expect(await refused()).toBe(before + 2);
  });

  it('rejects a time that the ledger cannot hold', async () => {
    const times = ['0000-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '1970-01-01T00:00:00Z'];
    const response = await send([...times.map((time) => event({ time })), event({ time: '1970-01-01T00:00:01Z' })]);
    const body = (await response.json()) as { accepted: number; rejected: { field: string }[] };
    expect([body.accepted, body.rejected.map(({ field }) => field)]).toEqual([1, ['time', 'time', 'time']]);
  });

  it('is 202 also when all are rejected', async () => {
    const response = await send(event({ subject: 'nobody' }));
    expect([response.status, await response.json()]).toMatchObject([202, { accepted: 0, rejected: [{ index: 0 }] }]);
  });

  it('rejects a broken line alone, a broken document whole', async () => {
    const lines = await send(`${JSON.stringify(event())}\n{"id":\n${JSON.stringify(event())}`, 'application/x-ndjson');
    expect(await lines.json()).toMatchObject({ accepted: 2, rejected: [{ index: 1, id: null, code: 'invalid_json' }] });
    expect(await errorOf(await send('[{"id":'))).toMatchObject({ status: 400, code: 'invalid_json' });
    expect(await errorOf(await send('5'))).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('takes 10 000 events in one body, and no more', async () => {
    const many = Array.from({ length: 10_000 }, () => event());
    const bad = [...many.slice(0, 9_998), event({ id: null }), event({ subject: 'nobody', id: 'last' })];
    const response = await send(bad, 'application/cloudevents-batch+json');
    expect([response.status, await response.json()]).toMatchObject([
      202,
      {
        accepted: 9_998,
        duplicates: 0,
        rejected: [{ index: 9_998 }, { index: 9_999, id: 'last', code: 'unknown_customer' }],
      },
    ]);
    const again = await send(gzipSync(JSON.stringify(many.slice(0, 9_998))), 'application/json', {
      headers: { 'content-encoding': 'gzip' },
    });
    expect(await again.json()).toEqual({ accepted: 0, duplicates: 9_998, rejected: [] });
    expect(await errorOf(await send([...many, event()]))).toMatchObject({ status: 422, code: 'too_many_items' });
    const lines = Array.from({ length: 10_001 }, () => '{}').join('\n');
    expect(await errorOf(await send(lines, 'application/x-ndjson'))).toMatchObject({ status: 422 });
  });

  it('refuses what is too large, packed or not', async () => {
    const large = await send(' '.repeat(10 * 1024 * 1024 + 1));
    expect(await errorOf(large)).toMatchObject({ status: 413, code: 'body_too_large' });
    const bomb = await send(gzipSync(Buffer.alloc(200_000_000, ' ')), 'application/json', {
      headers: { 'content-encoding': 'gzip' },
    });
    expect(await errorOf(bomb)).toMatchObject({ status: 413, code: 'body_too_large' });
    const padded = await send(`${' '.repeat(9_000_000)}${JSON.stringify(event())}`);
    expect(await padded.json()).toMatchObject({ accepted: 1 });
    expect(
      await errorOf(await send('no gzip', 'application/json', { headers: { 'content-encoding': 'gzip' } })),
    ).toMatchObject({ code: 'invalid_gzip' });
  });

  it('refuses other media types and encodings', async () => {
    expect(await errorOf(await send('id=1', 'application/x-www-form-urlencoded'))).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    });
    expect(await errorOf(await send('x', 'application/json', { headers: { 'content-encoding': 'br' } }))).toMatchObject(
      { status: 415 },
    );
  });

  it('needs the scope, and keeps a bound key to its customer', async () => {
    expect(await errorOf(await send(event(), undefined, { key: 'key-check' }))).toMatchObject({ status: 403 });
    const bound = await send([event(), event({ subject: 'globex' })], undefined, { key: 'key-acme' });
    expect(await bound.json()).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'forbidden' }] });
  });

  it('takes binary mode', async () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'bin%C3%A4r',
      'ce-source': 's',
      'ce-type': 'llm.request',
      'ce-subject': 'acme',
    };
    const response = await send({ tokens: 3 }, 'application/json', { headers });
    expect(await response.json()).toMatchObject({ accepted: 1 });
    expect(bench().engine.events.at(-1)).toMatchObject({ id: 'binär', source: 's', data: { tokens: 3 } });
    expect(await errorOf(await send('tokens', 'text/plain', { headers }))).toMatchObject({ status: 415 });
  });

  it('fails whole when the store does, so that all may be sent again', async () => {
    const record = bench().engine.record;
    let calls = 0;
    bench().engine.record = async (events) => {
      calls += 1;
      if (calls === 3) throw new Error('the store is gone');
      return record.call(bench().engine, events);
    };
    const response = await send(Array.from({ length: 2_000 }, () => event()));
    bench().engine.record = record;
    expect(response.status).toBe(500);
    expect(calls).toBeLessThan(8);
    expect(await (await send(event())).json()).toMatchObject({ accepted: 1 });
  });

  it('survives uploads that are broken off', async () => {
    const head =
      'POST /v1/events HTTP/1.1\r\nhost: x\r\nx-weir-key: key-all\r\ncontent-type: application/json\r\ncontent-length: 9000000\r\n\r\n';
    await Promise.all(
      Array.from({ length: 10 }, () => rawExchange(bench().port, [head, '['.repeat(500_000)], { settleMs: 10 })),
    );
    expect(await (await send(event())).json()).toMatchObject({ accepted: 1 });
    await expect
      .poll(async () => (await bench().call('/metrics')).text())
      .toMatch(/weir_http_requests_in_flight 1\n[\s\S]*weir_http_body_bytes 0\n/);
  });

  it('refuses what is nested too deeply to be carried between threads, and goes on', async () => {
    for (const depth of [3_000, 10_000, 100_000]) {
      const deep = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
      const text = JSON.stringify([event(), event({ data: { tokens: 1, deep: 'DEEP', pad: 'x'.repeat(100_000) } })]);
      const response = await send(text.replace('"DEEP"', deep));
      expect([202, 400]).toContain(response.status);
      expect(JSON.stringify(await response.json())).toMatch(/"accepted":2|nested too deeply/);
    }
    const many = Array.from({ length: 2_000 }, () => event());
    expect(await (await send(many)).json()).toMatchObject({ accepted: 2_000 });
  });

  it('refuses data in binary mode that is nested too deeply to be written again', async () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'deep',
      'ce-source': 's',
      'ce-type': 'llm',
      'ce-subject': 'acme',
    };
    for (const depth of [5_000, 10_000]) {
      const response = await bench().call('/v1/events', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: `${'['.repeat(depth)}${']'.repeat(depth)}`,
      });
      expect([response.status, JSON.stringify(await response.json())]).toEqual([
        400,
        expect.stringContaining('nested too deeply'),
      ]);
    }
  });

  it('does not delay checks by large imports: they are parsed elsewhere, and come back one chunk a turn of the loop', async () => {
    const body = JSON.stringify(
      Array.from({ length: 10_000 }, () => event({ data: { tokens: 1, text: 'x'.repeat(700) } })),
    );
    const parse = vi.spyOn(JSON, 'parse');
    const record = vi.spyOn(bench().engine, 'record');
    let turn = 0;
    let ticker = setImmediate(function tick() {
      turn += 1;
      ticker = setImmediate(tick);
    });
    const turns: number[] = [];
    record.mockImplementation((events) => {
      turns.push(turn);
      return FakeEngine.prototype.record.call(bench().engine, events);
    });
    const answer = await (await send(body)).json();
    clearImmediate(ticker);
    const chunkSizes = record.mock.calls.map(([events]) => events.length);
    const parsedChars = parse.mock.calls.map(([text]) => text.length);
    vi.restoreAllMocks();
    expect(answer).toEqual({ accepted: 10_000, duplicates: 0, rejected: [] });
    expect(Math.max(...chunkSizes)).toBeLessThanOrEqual(EVENT_CHUNK_MAX);
    expect(new Set(turns).size).toBe(chunkSizes.length);
    expect(Math.max(0, ...parsedChars)).toBeLessThan(INLINE_BODY_BYTES_MAX);
  });
});

describe("OpenMeter's SDK", () => {
  it('finds its path, its media types and its 204', async () => {
    const headers = { accept: 'application/json' };
    const sdk = (body: unknown, type: string): Promise<Response> =>
      bench().call('/api/v1/events', { body, headers: { ...headers, 'content-type': type } });
    const { specversion, ...rest } = event({ time: new Date().toISOString(), datacontenttype: 'application/json' });
    const batch = await sdk([{ ...rest, specversion }], 'application/cloudevents-batch+json');
    expect([batch.status, await batch.text()]).toEqual([204, '']);
    expect((await sdk(event(), 'application/cloudevents+json')).status).toBe(204);
    const refused = await sdk([event({ subject: 'nobody' })], 'application/cloudevents-batch+json');
    expect([refused.status, await refused.json()]).toMatchObject([202, { rejected: [{ code: 'unknown_customer' }] }]);
  });
});
