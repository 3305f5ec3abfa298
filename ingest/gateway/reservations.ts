import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  commitRequestSchema,
  type Engine,
  heartbeatRequestSchema,
  type ReservationAnswer,
  releaseRequestSchema,
  reserveRequestSchema,
  WeirError,
} from '../../engine/index.js';
import { assertCustomer, type Reply, type RequestContext, type Route } from '../http/index.js';
import { RequestCaller } from './caller.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';
import { rateLimitHeaders } from './rate-limit.js';
import { committedText, heldText, releasedText, reservedText } from './reservation-json.js';
import { amountSchema, decisionSchema, limitsSchema, warningsSchema } from './schemas.js';

interface ReservationParts {
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly metrics: GatewayMetrics;
}

const ID_BYTES = 16;

const reserveAnswerSchema = decisionSchema.extend({
  reservation: z.object({ id: z.string(), amount: amountSchema, expiresAt: z.iso.datetime() }).optional(),
});
const holdAnswerSchema = z.object({
  id: z.string(),
  replayed: z.boolean(),
  customer: z.string(),
  feature: z.string(),
  remaining: amountSchema.nullable(),
  resetAt: z.iso.datetime().nullable(),
  warnings: warningsSchema,
  limits: limitsSchema,
  version: z.int(),
});
const commitAnswerSchema = holdAnswerSchema.extend({
  status: z.literal('committed'),
  late: z.boolean(),
  overrun: z.boolean(),
  amount: amountSchema,
});
const releaseAnswerSchema = holdAnswerSchema.extend({ status: z.literal('released') });
const heartbeatAnswerSchema = holdAnswerSchema.extend({ status: z.literal('held'), expiresAt: z.iso.datetime() });

/** `/v1/reservations`: an amount is held, then committed (charged) or released; heartbeats keep it. */
export function reservationRoutes(parts: ReservationParts): Route[] {
  const { engine, keys } = parts;
  const shared = { method: 'POST', scope: 'check' } as const;
  return [
    {
      ...shared,
      path: '/v1/reservations',
      summary: 'Holds an amount until it is committed or released, or its ttl is over',
      request: reserveRequestSchema,
      response: reserveAnswerSchema,
      handle: (context) => reserve(context, parts),
    },
    {
      ...shared,
      path: '/v1/reservations/:id/commit',
      summary: 'Charges what was used of a hold, more or less than was held',
      request: commitRequestSchema,
      response: commitAnswerSchema,
      handle: async (context) => {
        const { customer, amount } = await context.json(commitRequestSchema);
        const id = holdOf(context, customer);
        const answer = await engine.commit({ id, customer, amount }, new RequestCaller(context, keys));
        return reply(answer, committedText({ id, customer }, amount, answer));
      },
    },
    {
      ...shared,
      path: '/v1/reservations/:id/release',
      summary: 'Gives a hold back; nothing is charged',
      request: releaseRequestSchema,
      response: releaseAnswerSchema,
      handle: async (context) => {
        const { customer } = await context.json(releaseRequestSchema);
        const id = holdOf(context, customer);
        const answer = await engine.release({ id, customer }, new RequestCaller(context, keys));
        return reply(answer, releasedText({ id, customer }, answer));
      },
    },
    {
      ...shared,
      path: '/v1/reservations/:id/heartbeat',
      summary: 'Keeps a hold for another ttl from now',
      request: heartbeatRequestSchema,
      response: heartbeatAnswerSchema,
      handle: async (context) => {
        const { customer, ttlMs } = await context.json(heartbeatRequestSchema);
        const id = holdOf(context, customer);
        const answer = await engine.heartbeat({ id, customer, ttlMs }, new RequestCaller(context, keys));
        return reply(answer, heldText({ id, customer }, answer));
      },
    },
  ];
}

async function reserve(context: RequestContext, { engine, keys, metrics }: ReservationParts): Promise<Reply> {
  const asked = await context.json(reserveRequestSchema);
  assertCustomer(context.key, asked.customer);
  const request = { ...asked, id: asked.id ?? `rsv_${randomBytes(ID_BYTES).toString('base64url')}` };
  const answer = await engine.reserve(request, new RequestCaller(context, keys)).catch(nameId);
  metrics.decided(answer.decision);
  return reply(answer, reservedText(request, answer));
}

/** The hold in the path, which the key may touch. */
function holdOf(context: RequestContext, customer: string): string {
  assertCustomer(context.key, customer);
  return context.params.id ?? '';
}

/** A conflict is about the field `id`, which the engine does not call so. */
function nameId(error: unknown): never {
  if (error instanceof WeirError && error.code === 'id_conflict') {
    throw new WeirError('id_conflict', undefined, { field: 'id' });
  }
  throw error;
}

function reply({ policy, decision }: ReservationAnswer, text: string): Reply {
  const headers = rateLimitHeaders(policy, decision, Date.now());
  return { status: 200, headers: { ...headers, 'content-type': 'application/json' }, text };
}
