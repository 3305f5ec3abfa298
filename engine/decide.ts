import type { CatalogView } from './catalog/types.js';
import { parseAmount } from './contract/amounts.js';
import type { Customer } from './contract/catalog.js';
import type { CheckRequest } from './contract/check.js';
import type { Decision } from './contract/decision.js';
import { WeirError } from './contract/errors.js';
import { DENIAL_REASONS, FACT_METER_FIRST } from './contract/fact.js';
import { decisionOf } from './decision-of.js';
import type {
  CheckOutcome,
  EventInput,
  EventOutcome,
  ReservationAnswer,
  ReserveRequest,
  SettleRequest,
} from './engine.js';
import { partsOf } from './event-parts.js';
import { eventId, operationId, reservationId } from './ids.js';
import { type Access, Resolver } from './limits/resolve.js';
import { NEVER_MS } from './limits/window.js';
import { StaleCatalog } from './store/lane.js';
import type { Answer, Operation } from './store/operation.js';
import type { Store } from './store/store.js';

/** Times an operation is resolved again: after a change of the catalog, or at the border of a window. */
const ATTEMPTS_MAX = 8;

/** An operation with what is needed to read its answer. */
interface Prepared {
  readonly operation: Operation;
  readonly access: Access;
  readonly amount: number;
}

/**
 * check, record, reserve, commit, release: resolve → commit → decision, with all branching in this file.
 *
 *   request ─► resolve (catalog view, customer loaded on demand) ─► commit (one script call, micro-batched) ─► decision
 *                 ▲                                                    │
 *                 └── stale: catch up with the catalog ◄───────────────┤
 *                 └── needs window: the windows at Redis's time ◄──────┘
 */
export class Decider {
  readonly #view: CatalogView;
  readonly #store: Store;
  readonly #resolver: Resolver;
  readonly #nowMs: () => number;

  /** `nowMs` only chooses which windows are sent along first; Redis's clock decides. */
  constructor(view: CatalogView, store: Store, nowMs: () => number) {
    this.#view = view;
    this.#store = store;
    this.#resolver = new Resolver(view);
    this.#nowMs = nowMs;
  }

  /** Decides checks in order; `atomic`: all or none, of one customer. Failures of one item stay its own. */
  async check(requests: readonly CheckRequest[], atomic: boolean): Promise<CheckOutcome[]> {
    if (atomic) return this.#checkAtomic(requests);
    return Promise.all(requests.map((request) => this.checkOne(request)));
  }

  /** @returns the decision or the item's own failure. @throws WeirError where nothing could be decided at all. */
  async checkOne(request: CheckRequest): Promise<CheckOutcome> {
    try {
      return await this.#retried([request.customer], async () => {
        const prepared = this.#prepareCheck(request);
        if (!('operation' in prepared)) return prepared;
        const [answer] = await this.#commit([prepared.operation], false);
        return this.#outcome(prepared, answer);
      });
    } catch (error) {
      return failure(error);
    }
  }

  async #checkAtomic(requests: readonly CheckRequest[]): Promise<CheckOutcome[]> {
    const customer = requests[0]?.customer ?? '';
    return this.#retried([customer], async () => {
      const prepared = requests.map((request) => this.#prepareCheck(request));
      const operations: Operation[] = [];
      for (const item of prepared) if ('operation' in item) operations.push(item.operation);
      if (operations.length < prepared.length) {
        // One item cannot be asked at all: the batch is denied as a whole, and nothing is sent.
        return prepared.map((item) => ('operation' in item ? batchDenied(item, this.#view.version) : item));
      }
      const answers = await this.#commit(operations, true);
      return prepared.map((item, index) => ('operation' in item ? this.#outcome(item, answers[index]) : item));
    });
  }

  #prepareCheck(request: CheckRequest): Prepared | Extract<CheckOutcome, { status: 'failed' }> {
    const access = this.#access(request.customer, request.feature);
    try {
      const amount = parseAmount(request.amount, access.scale);
      const id =
        request.id === undefined || request.dryRun
          ? undefined
          : operationId(request.customer, request.id, {
              operation: 'check',
              feature: request.feature,
              entity: request.entity,
              amount,
            });
      const operation = operationOf(request.dryRun ? 'peek' : 'check', access, amount, {
        id,
        head: {
          customer: request.customer,
          entity: request.entity,
          source: 'check',
          id: request.id,
          dimensions: request.dimensions,
        },
      });
      return { operation, access, amount };
    } catch (error) {
      return failure(error);
    }
  }

  #outcome({ access, amount }: Prepared, answer: Answer | undefined): CheckOutcome {
    const decided = expectAnswer(answer);
    const { version } = this.#view;
    if (decided.status === 'gated')
      return { status: 'decided', decision: gatedDecision(decided.reason, version), scale: access.scale };
    if (!('states' in decided)) throw new WeirError(codeOf(decided));
    const decision = decisionOf(access.set, decided, amount, version);
    return {
      status: 'decided',
      decision: access.value === undefined ? decision : { ...decision, value: access.value },
      scale: access.scale,
    };
  }

  /** A record of one feature by the caller's own id, whose answer is remembered: what the conformance vectors ask for. */
  async recordFeature(request: CheckRequest): Promise<Decision> {
    return this.#retried([request.customer], async () => {
      const access = this.#access(request.customer, request.feature);
      const amount = parseAmount(request.amount, access.scale);
      const id =
        request.id === undefined
          ? undefined
          : operationId(request.customer, request.id, {
              operation: 'record',
              feature: request.feature,
              entity: request.entity,
              amount,
            });
      const head = { customer: request.customer, entity: request.entity, source: 'record', id: request.id };
      const [answer] = await this.#commit([operationOf('record', access, amount, { id, head })], false);
      const decided = expectAnswer(answer);
      if (!('states' in decided)) throw new WeirError(decided.status === 'gated' ? 'internal' : codeOf(decided));
      return decisionOf(access.set, decided, amount, this.#view.version);
    });
  }

  /** Charges events, each on its own. */
  async record(events: readonly EventInput[]): Promise<EventOutcome[]> {
    return Promise.all(events.map((event) => this.#recordOne(event)));
  }

  async #recordOne(event: EventInput): Promise<EventOutcome> {
    try {
      return await this.#retried([event.customer], async () => {
        const operation = this.#prepareEvent(event);
        const [answer] = await this.#commit([operation], false);
        const decided = expectAnswer(answer);
        if (!('states' in decided)) throw new WeirError(decided.status === 'gated' ? 'internal' : codeOf(decided));
        return decided.flags.replayed ? { status: 'duplicate' } : { status: 'accepted', degraded: false };
      });
    } catch (error) {
      if (error instanceof WeirError && error.status < 500)
        return { status: 'rejected', code: error.code, message: error.message };
      throw error;
    }
  }

  #prepareEvent(event: EventInput): Operation {
    const customer = this.#customer(event.customer);
    const meters = this.#view.metersOfType(event.type);
    const { parts, dimensions, values } = partsOf(event, customer, meters, this.#resolver, this.#nowMs());
    return {
      ...NOTHING_ASKED,
      kind: 'record',
      happenedAtMs: event.happenedAtMs ?? 0,
      id: eventId(event.customer, event.source, event.id, event.type, event.entity ?? '', values),
      head: { customer: event.customer, entity: event.entity, source: event.source, id: event.id, dimensions },
      parts,
    };
  }

  /** Holds an amount until it is committed, released or expires. */
  async reserve(request: ReserveRequest): Promise<ReservationAnswer> {
    return this.#retried([request.customer], async () => {
      const access = this.#access(request.customer, request.feature);
      const amount = parseAmount(request.amount, access.scale);
      const operation = operationOf('reserve', access, amount, {
        id: reservationId(request.customer, request.id, request.feature, request.entity ?? '', amount, request.ttlMs),
        head: { customer: request.customer, entity: request.entity, source: 'reservation', id: request.id },
      });
      const [answer] = await this.#commit([operation], false);
      const decided = expectAnswer(answer);
      const { version } = this.#view;
      if (decided.status === 'gated')
        return {
          decision: gatedDecision(decided.reason, version),
          scale: access.scale,
          expiresAtMs: 0,
          late: false,
          overrun: false,
        };
      if (!('states' in decided)) throw new WeirError(codeOf(decided));
      return {
        decision: decisionOf(access.set, decided, amount, version),
        scale: access.scale,
        expiresAtMs: decided.expiresAtMs,
        late: false,
        overrun: false,
      };
    });
  }

  /** Settles a reservation: commits an amount, or releases it. The hold's feature is learnt from Redis where unknown. */
  async settle(kind: 'commit' | 'release', request: SettleRequest): Promise<ReservationAnswer> {
    let feature = request.feature ?? '';
    return this.#retried([request.customer], async () => {
      for (;;) {
        const access = this.#access(request.customer, feature);
        const amount = kind === 'release' ? 0 : parseAmount(request.amount, access.scale);
        const operation = operationOf(kind, access, amount, {
          id: { ...reservationId(request.customer, request.id, feature, '', 0, 0) },
          head: { customer: request.customer, source: 'reservation', id: request.id },
        });
        const [answer] = await this.#commit([operation], false);
        const decided = expectAnswer(answer);
        if (decided.status === 'needs_set' && decided.feature !== feature) {
          feature = decided.feature;
          continue;
        }
        if (!('states' in decided)) throw new WeirError(decided.status === 'gated' ? 'internal' : codeOf(decided));
        const decision = decisionOf(access.set, decided, amount, this.#view.version);
        return {
          decision,
          scale: access.scale,
          expiresAtMs: 0,
          late: decided.flags.late,
          overrun: decided.flags.overrun,
        };
      }
    });
  }

  /** Live counters of one metered feature; charges nothing. */
  async peek(customer: string, feature: string): Promise<CheckOutcome> {
    return this.checkOne({ customer, feature, amount: 0, dryRun: true });
  }

  /** Undoes a customer's expired holds: what the background sweep asks for. */
  async touch(customer: string): Promise<void> {
    await this.#retried([customer], () =>
      this.#commit([{ ...NOTHING_ASKED, kind: 'touch', head: { customer } }], false),
    );
  }

  /** What a customer may use of a feature by the catalog. */
  accessOf(customer: string, feature: string): Access {
    return this.#access(customer, feature);
  }

  /** The customer, loaded when needed. @throws WeirError unknown_customer. */
  async customer(id: string): Promise<Customer> {
    return this.#retried([id], async () => this.#customer(id));
  }

  #customer(id: string): Customer {
    const customer = this.#view.customer(id);
    if (customer === undefined) throw new CustomerNeeded(id);
    if (customer === null) throw new WeirError('unknown_customer', `"${id}"`);
    return customer;
  }

  #access(customer: string, feature: string): Access {
    const access = this.#resolver.access(customer, feature, this.#nowMs());
    if (access === undefined) throw new CustomerNeeded(customer);
    return access;
  }

  async #commit(operations: readonly Operation[], atomic: boolean): Promise<Answer[]> {
    const customer = operations[0]?.head.customer;
    if (customer === undefined) return [];
    const answers = await this.#store.commit(customer, { operations, atomic }, this.#view.version);
    for (const answer of answers)
      if (answer.status === 'needs_window') throw new WindowNeeded(operations, answer.instantMs);
    return answers;
  }

  /** Runs an attempt again after what it was missing has been fetched. */
  async #retried<T>(customers: readonly string[], attempt: () => Promise<T>): Promise<T> {
    for (let left = ATTEMPTS_MAX; left > 0; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof CustomerNeeded) await reached(this.#view.loadCustomer(error.customer));
        else if (error instanceof StaleCatalog) await reached(this.#view.catchUp());
        else if (error instanceof WindowNeeded) this.#rebuild(error);
        else throw error;
      }
    }
    throw new WeirError(
      'overloaded',
      `the catalog changed ${ATTEMPTS_MAX} times while deciding for ${customers.join()}`,
    );
  }

  #rebuild(needed: WindowNeeded): void {
    for (const { head, parts } of needed.operations) {
      for (const part of parts) this.#resolver.rebuild(head.customer, part.set.feature, needed.instantMs);
    }
  }
}

/** A read of the catalog; the client's own errors mean that Redis cannot be reached. */
async function reached<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof WeirError) throw error;
    throw new WeirError('store_unavailable', error instanceof Error ? error.message : undefined);
  }
}

/** The view does not have the customer yet. */
class CustomerNeeded extends Error {
  readonly customer: string;

  constructor(customer: string) {
    super(`customer ${customer} must be loaded`);
    this.customer = customer;
  }
}

/** Redis's time lies outside the windows that were sent along. */
class WindowNeeded extends Error {
  readonly operations: readonly Operation[];
  readonly instantMs: number;

  constructor(operations: readonly Operation[], instantMs: number) {
    super(`windows at ${instantMs} are needed`);
    this.operations = operations;
    this.instantMs = instantMs;
  }
}

const NOTHING_ASKED = {
  gate: 0,
  startsAtMs: Number.NEGATIVE_INFINITY,
  endsAtMs: NEVER_MS,
  happenedAtMs: 0,
  id: undefined,
  parts: [],
} as const;

function operationOf(
  kind: Operation['kind'],
  access: Access,
  amount: number,
  more: Pick<Operation, 'id' | 'head'>,
): Operation {
  return {
    kind,
    gate: access.gate,
    startsAtMs: access.startsAtMs,
    endsAtMs: access.endsAtMs,
    happenedAtMs: 0,
    id: more.id,
    head: more.head,
    parts: [{ set: access.set, amount, flags: FACT_METER_FIRST }],
  };
}

function expectAnswer(answer: Answer | undefined): Answer {
  if (answer === undefined) throw new WeirError('internal', 'an operation without an answer');
  return answer;
}

type Refusal = Exclude<Answer, { states: readonly unknown[] } | { status: 'gated' }>;

function codeOf(answer: Refusal): WeirError['code'] {
  switch (answer.status) {
    case 'needs_window':
    case 'needs_set':
      return 'internal';
    default:
      return answer.status;
  }
}

function gatedDecision(reason: number, version: number): Decision {
  return {
    ...NO_LIMITS,
    allowed: false,
    reason: DENIAL_REASONS[reason] ?? 'not_entitled',
    retryAfterMs: null,
    version,
  };
}

function batchDenied({ access }: Prepared, version: number): CheckOutcome {
  return {
    status: 'decided',
    decision: { ...NO_LIMITS, allowed: false, reason: 'batch_denied', version },
    scale: access.scale,
  };
}

const NO_LIMITS: Omit<Decision, 'allowed' | 'reason' | 'version'> = {
  deniedBy: [],
  shadowDeniedBy: [],
  retryAfterMs: 0,
  crossed: [],
  limits: {},
  remaining: null,
  resetAtMs: null,
  replayed: false,
  degraded: false,
};

/** An item's own failure: the caller's mistake stays with the item, a dead store fails the whole request. */
function failure(error: unknown): Extract<CheckOutcome, { status: 'failed' }> {
  if (error instanceof WeirError && error.status < 500)
    return { status: 'failed', code: error.code, message: error.message };
  throw error;
}
