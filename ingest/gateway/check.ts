import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { type CheckOutcome, type CheckRequest, checkRequestSchema, type Engine } from '../../engine/index.js';
import { type Edge, type FastHandler, parseJson, validate } from '../http/index.js';
import { decisionText, failureOf } from './decision-json.js';
import { HotCall, type HotParts, hotHandler } from './hot-call.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';
import { scanCheck } from './scan-body.js';

/** `POST /v1/check`, the hot path. */
export function checkHandler(engine: Engine, keys: KeySource, metrics: GatewayMetrics): (edge: Edge) => FastHandler {
  return hotHandler('/v1/check', keys, (res, req, parts) => new CheckCall(res, req, parts, engine, metrics));
}

class CheckCall extends HotCall {
  readonly #engine: Engine;
  readonly #metrics: GatewayMetrics;

  constructor(res: HttpResponse, req: HttpRequest, parts: HotParts, engine: Engine, metrics: GatewayMetrics) {
    super(res, req, parts);
    this.#engine = engine;
    this.#metrics = metrics;
  }

  protected override ask(body: Buffer): void {
    const request = scanCheck(body) ?? validate(checkRequestSchema, parseJson(body));
    this.claim(request.customer);
    this.settle(this.#engine.check(request, this), (outcome) => this.#decided(request, outcome));
  }

  #decided(request: CheckRequest, outcome: CheckOutcome): void {
    if (outcome.status === 'failed') {
      this.refuse(failureOf(outcome));
      return;
    }
    const { decision, scale, policy } = outcome;
    const body = decisionText(request, decision, scale);
    this.#metrics.decided(decision);
    this.answer(body, policy, decision);
  }
}
