import { type CheckOutcome, checkRequestSchema, type Decision, type Engine, WeirError } from '../../engine/index.js';
import { assertCustomer, failureReply, type Reply, type RequestContext, type Route, validate } from '../http/index.js';
import { RequestCaller } from './caller.js';
import { failureOf } from './decision-json.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';
import { rateLimitHeaders } from './rate-limit.js';

interface GateParts {
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly metrics: GatewayMetrics;
}

const FIELDS = ['customer', 'feature', 'amount', 'entity'] as const;

/**
 * `/v1/gate` and `/v1/gate/*`, any method: the question of a proxy whether to let a request through (nginx
 * auth_request, Traefik ForwardAuth, Caddy forward_auth, Envoy ext_authz). The status is the answer.
 */
export function gateRoutes(parts: GateParts): Route[] {
  const shared = {
    method: 'ANY',
    scope: 'check',
    summary: 'For proxies: 204 lets the request through, 429 or 403 does not',
    successStatus: 204,
    ignoresBody: true,
  } as const;
  const handle =
    (below: boolean) =>
    (context: RequestContext): Promise<Reply> =>
      decideGate(context, below, parts);
  return [
    { ...shared, path: '/v1/gate', handle: handle(false) },
    { ...shared, path: '/v1/gate/*', handle: handle(true) },
  ];
}

async function decideGate(
  context: RequestContext,
  below: boolean,
  { engine, keys, metrics }: GateParts,
): Promise<Reply> {
  const deniedStatus = readDeny(context);
  const request = validate(checkRequestSchema, readFields(context, below));
  assertCustomer(context.key, request.customer);
  const outcome = await engine.check(request, new RequestCaller(context, keys));
  if (outcome.status === 'failed') return failureReply(failureOf(outcome));
  metrics.decided(outcome.decision);
  return gateReply(outcome, deniedStatus);
}

/**
 * The check in headers or query; a header wins. Below `/v1/gate/` the query is the end user's (Envoy appends the path
 * it was asked for), who must not turn `amount` to 0 beside the proxy's headers: there it counts only without any.
 */
function readFields(context: RequestContext, below: boolean): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const name of FIELDS) {
    const value = context.header(`x-weir-${name}`);
    if (value !== '') fields[name] = value;
  }
  if (below && Object.keys(fields).length > 0) return fields;
  for (const name of FIELDS) {
    const values = context.query.getAll(name);
    if (values.length > 1) throw new WeirError('invalid_request', `the query has ${name} twice`, { field: name });
    const [value] = values;
    if (value !== undefined) fields[name] ??= value;
  }
  return fields;
}

/** Status of a denial by a limit: 429, or 403 for nginx, whose auth_request makes a 500 of any other. */
function readDeny(context: RequestContext): number {
  const deny = context.query.get('deny') ?? '429';
  if (deny === '429') return 429;
  if (deny === '403') return 403;
  throw new WeirError('invalid_request', 'deny may be 403 or 429', { field: 'deny' });
}

function statusOf(decision: Decision, deniedStatus: number): number {
  if (decision.allowed) return 204;
  switch (decision.reason) {
    case 'limit_exceeded':
    case 'batch_denied':
    case 'overage':
    case 'ok':
      return deniedStatus;
    case 'unavailable':
      return 503;
    case 'not_entitled':
    case 'not_started':
    case 'expired':
    case 'suspended':
    case 'unknown_customer':
    case 'unknown_feature':
      return 403;
  }
}

type Decided = Extract<CheckOutcome, { status: 'decided' }>;

function gateReply({ decision, policy }: Decided, deniedStatus: number): Reply {
  const headers = { ...rateLimitHeaders(policy, decision, Date.now()), 'x-weir-reason': decision.reason };
  const status = statusOf(decision, deniedStatus);
  if (status === 204) return { status, headers };
  const { allowed, reason, deniedBy, retryAfterMs } = decision;
  return { status, headers, json: { allowed, reason, deniedBy, retryAfterMs } };
}
