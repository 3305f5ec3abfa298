import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
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
import {
  assertCustomer,
  decodeParameter,
  parseJson,
  type Reply,
  type RequestContext,
  type Route,
  validate,
} from '../http/index.js';
import { RequestCaller } from './caller.js';
import { HotCall, type HotParts, hotHandler, servedFast } from './hot-call.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';
import { rateLimitHeaders } from './rate-limit.js';
import { committedText, heldText, releasedText, reservedText } from './reservation-json.js';
import { scanCommit, scanReserve } from './scan-body.js';
import { amountSchema, decisionSchema, limitsSchema, warningsSchema } from './schemas.js';

interface ReservationParts {
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly metrics: GatewayMetrics;
}

const COMMIT_PATH = '/v1/reservations/:id/commit';

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
      handle: servedFast,
      fast: hotHandler('/v1/reservations', keys, (res, req, shared) => new ReserveCall(res, req, shared, parts)),
    },
    {
      ...shared,
      path: COMMIT_PATH,
      summary: 'Charges what was used of a hold, more or less than was held',
      request: commitRequestSchema,
      response: commitAnswerSchema,
      handle: servedFast,
      fast: hotHandler(COMMIT_PATH, keys, (res, req, shared) => new CommitCall(res, req, shared, engine)),
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

/** `POST /v1/reservations`. */
class ReserveCall extends HotCall {
  readonly #parts: ReservationParts;

  constructor(res: HttpResponse, req: HttpRequest, shared: HotParts, parts: ReservationParts) {
    super(res, req, shared);
    this.#parts = parts;
  }

  protected override ask(body: Buffer): void {
    const { engine, metrics } = this.#parts;
    const asked = scanReserve(body) ?? validate(reserveRequestSchema, parseJson(body));
    this.claim(asked.customer);
    const { customer, feature, entity, amount, ttlMs } = asked;
    const id = asked.id ?? `rsv_${randomUUID()}`;
    const request = { id, customer, feature, entity, amount, ttlMs };
    this.settle(engine.reserve(request, this), (answer) => {
      const text = reservedText(request, answer);
      metrics.decided(answer.decision);
      this.answer(text, answer.policy, answer.decision);
    });
  }

  /** A conflict is about the field `id`, which the engine does not call so. */
  override fail(error: unknown): void {
    const isConflict = error instanceof WeirError && error.code === 'id_conflict';
    super.fail(isConflict ? new WeirError('id_conflict', undefined, { field: 'id' }) : error);
  }
}

/** `POST /v1/reservations/{id}/commit`. */
class CommitCall extends HotCall {
  readonly #engine: Engine;
  /** As the path has it. */
  readonly #id: string;

  constructor(res: HttpResponse, req: HttpRequest, shared: HotParts, engine: Engine) {
    super(res, req, shared);
    this.#engine = engine;
    this.#id = req.getParameter(0) ?? '';
  }

  protected override ask(body: Buffer): void {
    const id = decodeParameter('id', this.#id);
    const { customer, amount } = scanCommit(body) ?? validate(commitRequestSchema, parseJson(body));
    this.claim(customer);
    this.settle(this.#engine.commit({ id, customer, amount }, this), (answer) => {
      this.answer(committedText({ id, customer }, amount, answer), answer.policy, answer.decision);
    });
  }
}

/** The hold in the path, which the key may touch. */
function holdOf(context: RequestContext, customer: string): string {
  assertCustomer(context.key, customer);
  return context.params.id ?? '';
}

function reply({ policy, decision }: ReservationAnswer, text: string): Reply {
  const headers = rateLimitHeaders(policy, decision, Date.now());
  return { status: 200, headers: { ...headers, 'content-type': 'application/json' }, text };
}
