import type { Registry } from 'prom-client';
import { z } from 'zod';
import { type ApiInfo, openApiDocument } from './openapi.js';
import type { Readiness, Route } from './types.js';

const healthSchema = z.object({ status: z.literal('ok') });
const readySchema = z.object({ ready: z.boolean(), problems: z.array(z.string()) });

interface SystemOptions {
  readonly metrics: Registry;
  readonly info: ApiInfo;
  readonly ready: () => Promise<Readiness>;
  readonly draining: () => boolean;
}

/** The routes that both ports have: /healthz (alive), /readyz (can do its job), /metrics, /openapi.json. */
export function systemRoutes(routes: readonly Route[], options: SystemOptions): Route[] {
  const own: Route[] = [
    {
      method: 'GET',
      path: '/healthz',
      scope: 'open',
      summary: 'Alive: 200 while the process answers',
      response: healthSchema,
      handle: () => ({ status: 200, json: { status: 'ok' } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      scope: 'open',
      summary: 'Ready: 200 when it can do its job, else 503 with what it cannot reach',
      response: readySchema,
      handle: async () => {
        const { ready, problems } = options.draining()
          ? { ready: false, problems: ['draining'] }
          : await options.ready();
        return { status: ready ? 200 : 503, json: { ready, problems } };
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      scope: 'open',
      summary: 'Metrics in the text format of Prometheus',
      handle: async () => ({
        status: 200,
        text: await options.metrics.metrics(),
        headers: { 'content-type': options.metrics.contentType },
      }),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      scope: 'open',
      summary: 'This document: OpenAPI 3.1',
      handle: () => ({ status: 200, json: document }),
    },
  ];
  const document = openApiDocument([...routes, ...own], options.info);
  return own;
}
