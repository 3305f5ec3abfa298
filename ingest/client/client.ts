import type { z } from 'zod';
import type { checkRequestSchema } from '../../engine/contract/check.js';
import {
  type CheckAnswer,
  type CheckResult,
  type CustomerUsage,
  checkAnswerSchema,
  checkBatchAnswerSchema,
  customerUsageSchema,
  type Entitlements,
  entitlementsSchema,
  type ReadinessAnswer,
} from './answers.js';
import { ControlClient } from './control.js';
import { WeirApiError } from './error.js';
import { type EventsOutcome, sendEvents, type UsageEvent } from './events.js';
import { readiness } from './readiness.js';
import { Transport, type TransportOptions } from './transport.js';

/** A check as a caller writes it; `amount` is 1 when left out. */
export type CheckInput = z.input<typeof checkRequestSchema>;

export interface WeirClientOptions extends TransportOptions {
  /** Base URL of the data plane, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Base URL of the control plane, for `control`. */
  readonly consoleUrl?: string | undefined;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Weir's API. Connections are kept alive. What failed for a reason that may pass is sent again, when it has an id
 * or changes nothing; so give a check an id, and a lost answer is never charged twice.
 *
 * Every method throws WeirApiError.
 */
export class WeirClient {
  readonly #url: string;
  readonly #transport: Transport;
  readonly #control: ControlClient | undefined;

  constructor(options: WeirClientOptions) {
    this.#url = options.url.replace(/\/+$/, '');
    this.#transport = new Transport(options);
    if (options.consoleUrl !== undefined) this.#control = new ControlClient(options.consoleUrl, this.#transport);
  }

  /** The control plane: reports, keys, the catalog. @throws Error when it was made without `consoleUrl`. */
  get control(): ControlClient {
    if (this.#control === undefined) throw new Error('the client was made without consoleUrl');
    return this.#control;
  }

  /** Whether a customer may use a feature now; charges it unless `dryRun`. A denial is an answer, not an error. */
  async check(check: CheckInput, options: CallOptions = {}): Promise<CheckAnswer> {
    return await this.#transport.json(
      {
        method: 'POST',
        url: `${this.#url}/v1/check`,
        body: JSON.stringify(check),
        repeatable: isRepeatable(check),
        signal: options.signal,
      },
      checkAnswerSchema,
    );
  }

  /** Many checks in order (1 to 1 000), each on its own; with `atomic` all or none of one customer (up to 100). */
  async checkBatch(
    checks: readonly CheckInput[],
    options: CallOptions & { readonly atomic?: boolean } = {},
  ): Promise<CheckResult[]> {
    const url = `${this.#url}/v1/check/batch`;
    const { results } = await this.#transport.json(
      {
        method: 'POST',
        url,
        body: JSON.stringify({ checks, atomic: options.atomic ?? false }),
        repeatable: checks.every(isRepeatable),
        signal: options.signal,
      },
      checkBatchAnswerSchema,
    );
    if (results.length === checks.length) return results;
    const message = `${url} answered ${results.length} results to ${checks.length} checks`;
    throw new WeirApiError('unexpected_answer', message, { status: 200 });
  }

  /** Charges usage events, any number, in as many requests as they need. `index` in `rejected` counts over all of them. */
  async events(events: readonly UsageEvent[], options: CallOptions = {}): Promise<EventsOutcome> {
    return await sendEvents(this.#transport, `${this.#url}/v1/events`, events, options.signal);
  }

  /** The live counters of a customer. */
  async usage(customer: string, options: CallOptions & { readonly entity?: string } = {}): Promise<CustomerUsage> {
    const query = options.entity === undefined ? '' : `?entity=${encodeURIComponent(options.entity)}`;
    const url = `${this.#url}/v1/customers/${encodeURIComponent(customer)}/usage${query}`;
    return await this.#transport.json(
      { method: 'GET', url, repeatable: true, signal: options.signal },
      customerUsageSchema,
    );
  }

  /** What the catalog grants a customer. */
  async entitlements(customer: string, options: CallOptions = {}): Promise<Entitlements> {
    const url = `${this.#url}/v1/customers/${encodeURIComponent(customer)}/entitlements`;
    return await this.#transport.json(
      { method: 'GET', url, repeatable: true, signal: options.signal },
      entitlementsSchema,
    );
  }

  /** Whether the data plane can do its job, and what it cannot reach. */
  async ready(options: CallOptions = {}): Promise<ReadinessAnswer> {
    return await readiness(this.#transport, this.#url, options.signal);
  }
}

const isRepeatable = (check: CheckInput): boolean => check.id !== undefined || check.dryRun === true;
