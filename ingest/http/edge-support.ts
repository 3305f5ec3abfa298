import { connect } from 'node:net';
import { Registry } from 'prom-client';
import type { ApiKey, Scope } from '../../engine/index.js';
import { type HttpServer, type HttpServerOptions, startHttpServer } from './server.js';

/** Test support: a server on a free port with a few keys, and a raw socket to be rude with. */

export const ADMIN_KEY = 'admin-key-of-at-least-thirty-two-characters';

const keyRecord = (id: string, scopes: Scope[], customer?: string): ApiKey => ({
  id,
  hash: '0'.repeat(64),
  scopes,
  createdAt: '2026-01-01T00:00:00.000Z',
  ...(customer === undefined ? {} : { customer }),
});

/** Raw key → record. */
export const TEST_KEYS: ReadonlyMap<string, ApiKey> = new Map([
  ['key-check', keyRecord('k-check', ['check'])],
  ['key-ingest', keyRecord('k-ingest', ['ingest'])],
  ['key-read', keyRecord('k-read', ['read'])],
  ['key-all', keyRecord('k-all', ['check', 'ingest', 'read'])],
  ['key-acme', keyRecord('k-acme', ['check', 'ingest', 'read'], 'acme')],
]);

export interface TestServer {
  readonly server: HttpServer;
  readonly url: string;
  readonly faults: unknown[];
}

export async function startTestServer(
  options: Pick<HttpServerOptions, 'routes'> & Partial<HttpServerOptions>,
): Promise<TestServer> {
  const faults: unknown[] = [];
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    name: 'test',
    authenticate: (rawKey) => TEST_KEYS.get(rawKey),
    adminKey: ADMIN_KEY,
    metrics: new Registry(),
    ready: async () => ({ ready: true, problems: [] }),
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { server, url: `http://127.0.0.1:${server.port}`, faults };
}

/**
 * Writes pieces to a fresh connection, waiting between them, and returns all that came back until the peer closed or
 * `settleMs` went by after the last piece.
 */
export function rawExchange(
  port: number,
  pieces: readonly (string | Buffer)[],
  { gapMs = 5, settleMs = 300 }: { gapMs?: number; settleMs?: number } = {},
): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    let text = '';
    let closed = false;
    let timer: NodeJS.Timeout | undefined;
    const socket = connect(port, '127.0.0.1');
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed });
    };
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed = true;
      done();
    });
    const send = (index: number): void => {
      const piece = pieces[index];
      if (closed) return;
      if (piece === undefined) {
        timer = setTimeout(done, settleMs);
        return;
      }
      socket.write(piece, () => {
        timer = setTimeout(() => send(index + 1), gapMs);
      });
    };
    socket.on('connect', () => send(0));
  });
}
