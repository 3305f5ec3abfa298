import { afterAll, beforeAll } from 'vitest';
import { z } from 'zod';
import { assertCustomer } from './auth.js';
import { startTestServer, type TestServer } from './edge-support.js';
import type { Route } from './types.js';

/** Test support: a server with one route of every sort, and calls to it. */

const thingSchema = z.strictObject({ name: z.string(), amount: z.union([z.number(), z.string()]).default(1) });

const waits: (() => void)[] = [];
/** Lets every waiting request go. */
export const release = (): void => {
  for (const letGo of waits.splice(0)) letGo();
};
export const benchRoutes: Route[] = [
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

export interface EdgeBench {
  readonly edge: TestServer;
  call(path: string, init?: RequestInit, key?: string): Promise<Response>;
  put(body: string | Buffer, headers?: Record<string, string>, key?: string): Promise<Response>;
}

export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

export function useEdge(): () => EdgeBench {
  let bench: EdgeBench;
  beforeAll(async () => {
    const edge = await startTestServer({ routes: benchRoutes, bodyStallMs: 1_000 });
    const call = (path: string, init: RequestInit = {}, key = 'key-all'): Promise<Response> => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Bearer ${key}`);
      return fetch(edge.url + path, { ...init, headers });
    };
    bench = {
      edge,
      call,
      put: (body, headers = {}, key) => call('/v1/things/acme', { method: 'PUT', body, headers }, key),
    };
  });
  afterAll(async () => {
    release();
    await bench.edge.server.close();
  });
  return () => bench;
}

/** The `error` of an error answer. */
export async function errorOf(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = await response.json();
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return typeof error === 'object' ? { ...error } : {};
}
