import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyService } from '../../engine/index.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { ADMIN_KEY } from '../http/edge-support.js';
import { type RealGateway, useRealGateways } from './engine-support.js';
import { errorOf } from './gateway-support.js';

/** A key is revoked while requests are under way: none is admitted by it, also where the news has not arrived yet. */

const CATALOG = `
meters:
  - { id: calls, eventType: call, aggregation: count }
features:
  - { id: api, kind: metered, meter: calls }
plans:
  - { id: pro, features: { api: { limits: [{ id: total, kind: quota, amount: 1000, window: { every: lifetime } }] } } }
customers:
  - { id: acme, plan: pro }
  - { id: globex, plan: pro }
`;

const bench = useRealGateways(CATALOG, 1);

/** A way to Redis on which the stream of catalog changes can be held up, as it is for a process that was paused. */
class SlowRoad {
  readonly #server: Server;
  readonly #tails = new Set<Socket>();
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
      }
      near.on('data', (bytes) => {
        // Redis answers the tail's connection with changes only; the view's own reads go by another one.
        if (bytes.includes('weir-catalog-tail')) this.#tails.add(far);
        far.write(bytes);
      });
      far.on('data', (bytes) => near.write(bytes));
      near.on('end', () => far.end());
      far.on('end', () => near.end());
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  hold(held: boolean): void {
    if (this.#tails.size === 0) throw new Error('the stream of changes was not found');
    for (const far of this.#tails) held ? far.pause() : far.resume();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

let road: SlowRoad;
let gateway: RealGateway;
let at = 0;
beforeAll(async () => {
  const url = new URL(bench().redis.url);
  road = new SlowRoad(Number(url.port));
  url.port = String(await road.listen());
  gateway = await bench().add(url.href);
  at = bench().gateways.length - 1;
});
afterAll(() => road.close());

const used = async (): Promise<unknown> => bench().read('/v1/customers/acme/usage');
const check = { customer: 'acme', feature: 'api' };
const event = { specversion: '1.0', id: 'e', source: 's', type: 'call', subject: 'acme' };

type Made = Awaited<ReturnType<KeyService['create']>>;

/** A key that the gateway has taken. */
async function makeKey(): Promise<Made> {
  const made = await bench().keys.create({ scopes: ['check', 'ingest'] }, 'test');
  const ask = (): Promise<Response> => bench().call('/v1/check', { ...check, dryRun: true }, { key: made.key, at });
  await waitFor(async () => (await ask()).status === 200, { timeoutMs: 5_000, what: 'the key' });
  return made;
}

/** Changes the catalog behind the gateway's back, asks it, and lets it go on. */
async function behind<T>(change: () => Promise<unknown>, ask: () => Promise<T>): Promise<T> {
  const { version } = gateway.engine.view;
  road.hold(true);
  try {
    await change();
    expect(gateway.engine.view.version, 'the gateway has not heard of it').toBe(version);
    return await ask();
  } finally {
    road.hold(false);
  }
}

describe('a gateway that has not heard of a revocation', () => {
  it.each([
    ['/v1/check', check],
    ['/v1/check', { ...check, dryRun: true }],
    ['/v1/check/batch', { checks: [check, check] }],
    ['/v1/check/batch', { checks: [check, check], atomic: true }],
    ['/v1/gate?customer=acme&feature=api', undefined],
    ['/v1/events', event],
    ['/v1/events', Array.from({ length: 600 }, (_, index) => ({ ...event, id: `e-${index}` }))],
    ['/v1/reservations', { ...check, amount: 1 }],
    ['/v1/reservations/open/commit', { customer: 'acme', amount: 1 }],
    ['/v1/reservations/open/release', { customer: 'acme' }],
    ['/v1/reservations/open/heartbeat', { customer: 'acme', ttlMs: 1 }],
  ])('admits nothing by the key at %s', async (path, body) => {
    await bench().call('/v1/reservations', { ...check, id: 'open', amount: 5, ttlMs: 3_600_000 }, { key: ADMIN_KEY });
    const before = await used();
    const { info, key } = await makeKey();
    const answer = await behind(
      () => bench().keys.revoke(info.id, 'test'),
      async () => errorOf(await bench().call(path, body, { key, at })),
    );
    expect(answer).toMatchObject({ status: 401, code: 'invalid_key' });
    expect(await used()).toMatchObject({ features: (before as { features: unknown }).features as object });
  });

  it('does by a changed key what it may do now', async () => {
    const ask = async (key: string): Promise<unknown> => {
      const response = await bench().call('/v1/check', { ...check, dryRun: true }, { key, at });
      return response.status === 200 ? 200 : await errorOf(response);
    };
    const { info, key } = await makeKey();
    const change = (request: object) => () => bench().keys.put(info.id, request, 'test');
    expect(await behind(change({ scopes: ['check'], name: 'renamed' }), () => ask(key))).toBe(200);
    expect(await behind(change({ scopes: ['check'], customer: 'acme' }), () => ask(key))).toBe(200);
    const forbidden = { status: 403, code: 'forbidden' };
    expect(await behind(change({ scopes: ['check'], customer: 'globex' }), () => ask(key))).toMatchObject(forbidden);
    expect(await behind(change({ scopes: ['read'] }), () => ask(key))).toMatchObject(forbidden);
  });

  it('goes on by the operator’s key', async () => {
    const { info } = await makeKey();
    const asked = (): Promise<Record<string, unknown>> => bench().read('/v1/check', { ...check, amount: 0 }, { at });
    expect(await behind(() => bench().keys.revoke(info.id, 'test'), asked)).toMatchObject({ allowed: true });
  });
});

describe('a request whose key is revoked before its body has come', () => {
  it.each([
    ['/v1/check', JSON.stringify(check)],
    ['/v1/check/batch', JSON.stringify({ checks: [check] })],
    ['/v1/events', JSON.stringify({ ...event, id: 'late' })],
    ['/v1/reservations', JSON.stringify({ ...check, amount: 1 })],
  ])('is refused at %s', async (path, body) => {
    const { info, key } = await makeKey();
    const before = await used();
    const head =
      `POST ${path} HTTP/1.1\r\nhost: x\r\nx-weir-key: ${key}\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n`;
    const socket = connect(gateway.gateway.port, '127.0.0.1');
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    socket.write(head + body.slice(0, 1));
    const metrics = async (): Promise<string> => (await bench().call('/metrics', undefined, { at })).text();
    await waitFor(async () => (await metrics()).includes('weir_http_requests_in_flight 2'), {
      timeoutMs: 5_000,
      what: 'the head to be read',
    });
    const { version } = await bench().keys.revoke(info.id, 'test');
    await waitFor(async () => gateway.engine.view.version >= version, { timeoutMs: 5_000, what: 'the news to arrive' });
    socket.write(body.slice(1));
    await waitFor(async () => text.includes('\r\n\r\n'), { timeoutMs: 5_000, what: 'the answer' });
    socket.destroy();
    expect(text).toContain('401 Unauthorized');
    expect(text).toContain('"invalid_key"');
    expect(await used()).toMatchObject({ features: (before as { features: unknown }).features as object });
  });
});
