import { z } from 'zod';
import {
  CHECK_BATCH_BOUNDS,
  type CheckOutcome,
  type CheckRequest,
  checkBatchRequestSchema,
  type Engine,
  ERRORS,
  type ErrorBody,
  WeirError,
} from '../../engine/index.js';
import type { Reply, RequestContext, Route } from '../http/index.js';
import { RequestCaller } from './caller.js';
import { outcomeText } from './decision-json.js';
import type { CheckBatch } from './decode.js';
import type { DecodePool } from './decode-pool.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';

interface BatchParts {
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly pool: DecodePool;
  readonly metrics: GatewayMetrics;
}

/** `POST /v1/check/batch`: up to 1 000 checks, each answered on its own unless `atomic`. */
export function checkBatchRoute(parts: BatchParts): Route {
  return {
    method: 'POST',
    path: '/v1/check/batch',
    scope: 'check',
    summary: 'Decides many checks in order: each on its own, or all or none with "atomic"',
    request: checkBatchRequestSchema,
    response: z.object({ results: z.array(z.unknown()) }),
    handle: (context) => decideBatch(context, parts),
  };
}

async function decideBatch(context: RequestContext, { engine, keys, pool, metrics }: BatchParts): Promise<Reply> {
  const batch = await pool.checks(await context.wireBody(), context.key?.customer);
  if (batch.atomic) {
    const refused = batch.items.find(isError);
    // All or none: one check that cannot be decided leaves none to admit.
    if (refused !== undefined) return { status: ERRORS[refused.error.code].status, json: refused };
    assertAtomic(batch);
  }
  const requests = batch.items.filter((item): item is CheckRequest => !isError(item));
  const caller = new RequestCaller(context, keys);
  const outcomes = requests.length === 0 ? [] : await engine.checkMany(requests, batch.atomic, caller);
  if (outcomes.length !== requests.length) throw new Error(`${outcomes.length} outcomes for ${requests.length} checks`);
  for (const outcome of outcomes) if (outcome.status === 'decided') metrics.decided(outcome.decision);
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    text: resultsText(batch, outcomes),
  };
}

function isError(item: CheckRequest | ErrorBody): item is ErrorBody {
  return 'error' in item;
}

/** @throws WeirError too_many_items, invalid_request: an atomic batch is one step of one customer's shard. */
function assertAtomic({ items }: CheckBatch): void {
  if (items.length > CHECK_BATCH_BOUNDS.atomic) {
    const detail = `an atomic batch has at most ${CHECK_BATCH_BOUNDS.atomic} checks`;
    throw new WeirError('too_many_items', detail, { field: 'checks' });
  }
  const customers = new Set(items.map((item) => (isError(item) ? '' : item.customer)));
  if (customers.size > 1) {
    throw new WeirError('invalid_request', 'an atomic batch has one customer', { field: 'checks' });
  }
}

/** Puts the decided items back between the refused ones. Text by text: Array's `join` copies each, and the whole again. */
function resultsText({ items }: CheckBatch, outcomes: readonly CheckOutcome[]): string {
  let place = 0;
  const textAt = (item: CheckRequest | ErrorBody, index: number): string => {
    if (isError(item)) return JSON.stringify(item);
    const outcome = outcomes[place];
    place += 1;
    if (outcome === undefined) throw new Error('a check has no outcome');
    return outcomeText(item, outcome, index);
  };
  let text = '{"results":[';
  items.forEach((item, index) => {
    text += index === 0 ? textAt(item, index) : `,${textAt(item, index)}`;
  });
  return `${text}]}`;
}
