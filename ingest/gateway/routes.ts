import { checkRequestSchema, type Engine } from '../../engine/index.js';
import type { Route } from '../http/index.js';
import { checkHandler } from './check.js';
import { checkBatchRoute } from './check-batch.js';
import type { DecodePool } from './decode-pool.js';
import { eventRoutes } from './events.js';
import { gateRoutes } from './gate.js';
import { servedFast } from './hot-call.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';
import { reservationRoutes } from './reservations.js';
import { decisionSchema } from './schemas.js';
import { usageRoutes } from './usage.js';

export interface GatewayParts {
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly pool: DecodePool;
  readonly metrics: GatewayMetrics;
}

/** All routes of the data plane, beside those that both ports have. */
export function gatewayRoutes(parts: GatewayParts): Route[] {
  const { engine, keys, metrics } = parts;
  return [
    {
      method: 'POST',
      path: '/v1/check',
      scope: 'check',
      summary: 'Decides whether a customer may use a feature now, and charges it',
      request: checkRequestSchema,
      response: decisionSchema,
      handle: servedFast,
      fast: checkHandler(engine, keys, metrics),
    },
    checkBatchRoute(parts),
    ...gateRoutes(parts),
    ...eventRoutes(parts),
    ...reservationRoutes(parts),
    ...usageRoutes(engine),
  ];
}
