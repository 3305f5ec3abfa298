import type { ZodType, z } from 'zod';
import type { checkRequestSchema } from '../../engine/contract/check.js';
import type { reserveRequestSchema } from '../../engine/contract/reservation.js';
import {
  type Amount,
  type CheckAnswer,
  type CheckResult,
  type CommitAnswer,
  type CustomerUsage,
  checkAnswerSchema,
  checkBatchAnswerSchema,
  commitAnswerSchema,
  customerUsageSchema,
  type Entitlements,
  entitlementsSchema,
  type HeartbeatAnswer,
  heartbeatAnswerSchema,
  type ReadinessAnswer,
  type ReleaseAnswer,
  type ReserveAnswer,
  releaseAnswerSchema,
  reserveAnswerSchema,
} from './answers.js';
import { ControlClient } from './control.js';
import { WeirApiError } from './error.js';
import { type EventsOutcome, sendEvents, type UsageEvent } from './events.js';
import { readiness } from './readiness.js';
import { type Call, Transport, type TransportOptions } from './transport.js';

/** A check as a caller writes it; `amount` is 1 when left out. */
export type CheckInput = z.input<typeof checkRequestSchema>;

/** A reservation as a caller writes it; `ttlMs` is a minute when left out. */
export type ReserveInput = z.input<typeof reserveRequestSchema>;

/** A hold: the id of its reservation, and the customer whose it is. */
export interface Hold {
  readonly id: string;
  readonly customer: string;
}

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

  /**
   * Holds an amount until it is committed or released, or its ttl is over. A denial is an answer without `reservation`.
   * Without an id one is made here, not by the server: so a lost answer leaves no hold that nobody knows.
   */
  async reserve(request: ReserveInput, options: CallOptions = {}): Promise<ReserveAnswer> {
    const body = JSON.stringify({ ...request, id: request.id ?? newId() });
    return await this.#post('/v1/reservations', body, reserveAnswerSchema, options);
  }

  /** Charges what was used of a hold, more or less than was held. Late is better than never: it is charged all the same. */
  async commit(hold: Hold & { readonly amount: Amount }, options: CallOptions = {}): Promise<CommitAnswer> {
    const { id, customer, amount } = hold;
    return await this.#post(holdPath(id, 'commit'), JSON.stringify({ customer, amount }), commitAnswerSchema, options);
  }

  /** Gives a hold back; nothing is charged. */
  async release({ id, customer }: Hold, options: CallOptions = {}): Promise<ReleaseAnswer> {
    return await this.#post(holdPath(id, 'release'), JSON.stringify({ customer }), releaseAnswerSchema, options);
  }

  /** Keeps a hold for another `ttlMs` from now: for slots of a concurrency limit, as long as the work goes on. */
  async heartbeat(hold: Hold & { readonly ttlMs: number }, options: CallOptions = {}): Promise<HeartbeatAnswer> {
    const { id, customer, ttlMs } = hold;
    const body = JSON.stringify({ customer, ttlMs });
    return await this.#post(holdPath(id, 'heartbeat'), body, heartbeatAnswerSchema, options);
  }

  /** The live counters of a customer, or of an entity and all above it. */
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

  /** What Weir knows again by an id, and so may be sent again. */
  async #post<T>(path: string, body: string, schema: ZodType<T>, options: CallOptions): Promise<T> {
    const call: Call = {
      method: 'POST',
      url: `${this.#url}${path}`,
      body,
      repeatable: true,
      signal: options.signal,
    };
    return await this.#transport.json(call, schema);
  }
}

const holdPath = (id: string, action: 'commit' | 'release' | 'heartbeat'): string =>
  `/v1/reservations/${encodeURIComponent(id)}/${action}`;

/** 16 random bytes, by what Node and browsers share. */
function newId(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return `rsv_${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

const isRepeatable = (check: CheckInput): boolean => check.id !== undefined || check.dryRun === true;
