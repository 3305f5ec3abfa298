import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach } from 'vitest';
import { errorBody, WeirError } from '../../engine/contract/errors.js';
import { WeirApiError, WeirClient, type WeirClientOptions } from './index.js';

/** Test support: a server that answers as told, and a client of it. */

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly port: number;
}
export type Answerer = (seen: Seen, res: ServerResponse) => void;

const servers: Server[] = [];

/** Ends the servers of each test. */
export function useServers(): void {
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

export async function serve(
  answers: readonly Answerer[],
  options: Partial<WeirClientOptions> = {},
): Promise<{ client: WeirClient; seen: Seen[]; url: string }> {
  const seen: Seen[] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += String(chunk);
    const request = {
      method: req.method ?? '',
      path: req.url ?? '',
      headers: req.headers,
      body,
      port: req.socket.remotePort ?? 0,
    };
    seen.push(request);
    const answer = answers[Math.min(seen.length, answers.length) - 1];
    if (answer === undefined) res.writeHead(500).end();
    else answer(request, res);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  return { client: new WeirClient({ url, consoleUrl: `${url}/`, key: 'test-key', ...options }), seen, url };
}

export const json =
  (status: number, value: unknown, headers: Record<string, string> = {}): Answerer =>
  (_, res) =>
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
export const failure = (
  code: ConstructorParameters<typeof WeirError>[0],
  headers: Record<string, string> = {},
): Answerer => {
  const error = new WeirError(code, 'detail', { field: 'amount' });
  return json(error.status, errorBody(error), headers);
};
export const hangUp: Answerer = (_, res) => res.destroy();

export const DECISION = {
  allowed: true,
  reason: 'ok',
  customer: 'acme',
  feature: 'chat',
  amount: 1,
  remaining: 9,
  resetAt: null,
  retryAfterMs: 0,
  deniedBy: [],
  warnings: [],
  replayed: false,
  degraded: false,
  version: 3,
  limits: { burst: { kind: 'bucket', capacity: 10, remaining: 9 } },
  addedByANewerServer: true,
};

/** The error that a call ends with. */
export const failed = async (call: Promise<unknown>): Promise<WeirApiError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof WeirApiError) return error;
  throw new Error(`expected a WeirApiError, got ${String(error)}`);
};
