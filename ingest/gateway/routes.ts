import { z } from 'zod';
import { checkRequestSchema, type Engine } from '../../engine/index.js';
import type { Route } from '../http/index.js';
import { checkHandler } from './check.js';
import { checkBatchRoute } from './check-batch.js';
import type { DecodePool } from './decode-pool.js';
import { eventRoutes } from './events.js';
import { gateRoutes } from './gate.js';
import type { GatewayMetrics } from './metrics.js';
import { usageRoutes } from './usage.js';

/** A limit's state and a decision as an answer shows them, for the OpenAPI document. Amounts: a string at a scale. */
const amount = z.union([z.number(), z.string()]);
const limitSchema = z.union([
  z.object({
    kind: z.literal('quota'),
    included: amount,
    used: amount,
    reserved: amount,
    overage: amount,
    remaining: amount,
    headroom: amount.nullable(),
    resetAt: z.iso.datetime().nullable(),
  }),
  z.object({ kind: z.literal('bucket'), capacity: amount, remaining: amount }),
  z.object({ kind: z.literal('concurrency'), slots: z.int(), inUse: z.int(), remaining: z.int() }),
]);
const decisionSchema = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  customer: z.string(),
  feature: z.string(),
  amount,
  remaining: amount.nullable(),
  resetAt: z.iso.datetime().nullable(),
  retryAfterMs: z.int().nullable(),
  deniedBy: z.array(z.string()),
  shadowDeniedBy: z.array(z.string()).optional(),
  warnings: z.array(z.object({ limit: z.string(), threshold: z.int() })),
  replayed: z.boolean(),
  degraded: z.boolean(),
  version: z.int(),
  value: z.union([z.string(), z.number(), z.boolean()]).optional(),
  limits: z.record(z.string(), limitSchema),
});

export interface GatewayParts {
  readonly engine: Engine;
  readonly pool: DecodePool;
  readonly metrics: GatewayMetrics;
}

/** All routes of the data plane, beside those that both ports have. */
export function gatewayRoutes(parts: GatewayParts): Route[] {
  const { engine, metrics } = parts;
  return [
    {
      method: 'POST',
      path: '/v1/check',
      scope: 'check',
      summary: 'Decides whether a customer may use a feature now, and charges it',
      request: checkRequestSchema,
      response: decisionSchema,
      handle: () => {
        throw new Error('POST /v1/check is served by its own handler');
      },
      fast: checkHandler(engine, metrics),
    },
    checkBatchRoute(parts),
    ...gateRoutes(engine, metrics),
    ...eventRoutes(parts),
    ...usageRoutes(engine),
  ];
}
