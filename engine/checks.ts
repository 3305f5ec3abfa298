import { parseAmount } from './contract/amounts.js';
import type { CheckRequest } from './contract/check.js';
import { type Decision, NO_POLICY } from './contract/decision.js';
import { WeirError } from './contract/errors.js';
import { Decider, errorOf, type Question } from './decide.js';
import { decisionOf } from './decision-of.js';
import type { Caller, CheckOutcome } from './engine.js';
import { operationId } from './ids.js';
import type { Access } from './limits/resolve.js';
import { batchDenied, gatedDecision, operationOf } from './operations.js';
import { isAway, type Outage } from './outage/outage.js';
import { StaleCatalog } from './store/lane.js';
import type { Answer, Operation } from './store/operation.js';

/** A check with what is needed to read its answer. */
interface PreparedCheck {
  readonly operation: Operation;
  readonly access: Access;
  readonly amount: number;
  /** Catalog version it was resolved by. */
  readonly version: number;
}

/** check, peek (a dry run), batches of them, and a record of one feature. */
export class Checks {
  readonly #decider: Decider;
  /** Decides where Redis cannot be reached; without it every check is an error then. */
  readonly #outage: Outage | undefined;
  readonly #question: Question<CheckRequest, PreparedCheck, CheckOutcome>;

  constructor(decider: Decider, outage?: Outage) {
    this.#decider = decider;
    this.#outage = outage;
    this.#question = {
      customerOf: (request) => request.customer,
      prepare: (request, atMs) => this.#prepare(request, atMs),
      outcomeOf,
      failure: itemFailure,
    };
  }

  /**
   * The short way, which nearly every check takes: resolved at once, one call, one promise.
   * @returns the decision or the caller's mistake. @throws WeirError where nothing could be decided: the store's errors.
   */
  check(request: CheckRequest, caller?: Caller): Promise<CheckOutcome> {
    let prepared: PreparedCheck;
    try {
      prepared = this.#prepare(request);
    } catch (error) {
      return this.#checkLong(request, caller, error);
    }
    return new Promise((resolve, reject) => {
      this.#decider.ask(prepared.operation, caller, (answer) => {
        if (answer instanceof Error) {
          this.#checkLong(request, caller, answer).then(resolve, reject);
        } else if (answer.status === 'needs_window') {
          this.#checkLong(request, caller).then(resolve, reject);
        } else {
          try {
            resolve(outcomeOf(prepared, answer));
          } catch (error) {
            this.#checkLong(request, caller, error).then(resolve, reject);
          }
        }
      });
    });
  }

  /** Asks again after what was missing has been fetched; `because` is why the short way failed. */
  async #checkLong(request: CheckRequest, caller: Caller | undefined, because?: unknown): Promise<CheckOutcome> {
    if (because !== undefined && !Decider.isMendable(because)) return this.#undecided(request, because);
    try {
      return await this.#decider.retried(async () => {
        const prepared = this.#prepare(request);
        return outcomeOf(prepared, await this.#decider.commitOne(prepared.operation, caller));
      }, because);
    } catch (error) {
      return this.#undecided(request, error);
    }
  }

  /** Where Redis could not be asked the limits say what happens; else it is the caller's mistake, or thrown on. */
  async #undecided(request: CheckRequest, error: unknown): Promise<CheckOutcome> {
    if (this.#outage !== undefined && isAway(error)) return this.#outage.check(request, error);
    return callersFailure(error);
  }

  /** In order, each on its own; an item that failed says so itself. */
  async checkMany(requests: readonly CheckRequest[], caller?: Caller): Promise<CheckOutcome[]> {
    const outcomes = await this.#decider.many(requests, this.#question, caller);
    return this.#outage === undefined ? outcomes : this.#outage.checkFailed(requests, outcomes);
  }

  /** All or none, of one customer. */
  async checkAtomic(requests: readonly CheckRequest[], caller?: Caller): Promise<CheckOutcome[]> {
    try {
      return await this.#askAtomic(requests, caller);
    } catch (error) {
      if (this.#outage !== undefined && isAway(error)) return this.#outage.checkAtomic(requests, error);
      throw error;
    }
  }

  async #askAtomic(requests: readonly CheckRequest[], caller: Caller | undefined): Promise<CheckOutcome[]> {
    await this.#decider.loaded(requests[0]?.customer ?? '').catch(unlessUnknown);
    return this.#decider.retried(async () => {
      const { version } = this.#decider.view;
      const prepared = requests.map((request) => {
        try {
          return this.#prepare(request);
        } catch (error) {
          return callersFailure(error);
        }
      });
      const asked = prepared.filter((item): item is PreparedCheck => 'operation' in item);
      if (asked.length < prepared.length) {
        if (!(await this.#decider.isInForce(version))) throw new StaleCatalog(version);
        // One item cannot be asked at all: the batch is denied as a whole, and nothing is sent.
        return prepared.map((item) => ('operation' in item ? deniedByBatch(item) : item));
      }
      const answers = await this.#decider.commit(
        asked.map(({ operation }) => operation),
        true,
        caller,
      );
      return asked.map((item, index) => {
        const answer = answers[index];
        if (answer === undefined) throw new WeirError('internal', 'an operation without an answer');
        try {
          return outcomeOf(item, answer);
        } catch (error) {
          return callersFailure(error);
        }
      });
    });
  }

  /** A record of one feature under an id whose answer is remembered. @throws WeirError. */
  recordFeature(request: CheckRequest): Promise<Decision> {
    return this.#decider.retried(async () => {
      const { customer, feature, entity, id } = request;
      const access = this.#decider.access(customer, feature, entity);
      const { version } = this.#decider.view;
      const amount = parseAmount(request.amount, access.scale);
      const recordId =
        id === undefined ? undefined : operationId(customer, id, { operation: 'record', feature, entity, amount });
      const answer = await this.#decider.commitOne(
        operationOf('record', access, amount, recordId, { customer, entity, source: 'record', id }),
      );
      if (!('states' in answer)) throw errorOf(answer);
      return decisionOf(access.set, answer, amount, version);
    });
  }

  #prepare(request: CheckRequest, atMs?: number): PreparedCheck {
    const { customer, feature, entity, dryRun, dimensions } = request;
    const access = this.#decider.access(customer, feature, entity, atMs);
    const amount = parseAmount(request.amount, access.scale);
    const id =
      request.id === undefined || dryRun
        ? undefined
        : operationId(customer, request.id, { operation: 'check', feature, entity, amount });
    const head = { customer, entity, source: 'check', id: request.id, dimensions };
    const operation = operationOf(dryRun ? 'peek' : 'check', access, amount, id, head);
    return { operation, access, amount, version: this.#decider.view.version };
  }
}

/** @throws WeirError for a refusal: an id conflict, an amount out of range. */
function outcomeOf({ access, amount, version }: PreparedCheck, answer: Answer): CheckOutcome {
  const { scale, value } = access;
  if (answer.status === 'gated') {
    return { status: 'decided', decision: gatedDecision(answer.reason, version), scale, policy: NO_POLICY };
  }
  if (!('states' in answer)) throw errorOf(answer);
  const { policy } = access.set;
  const decision = decisionOf(access.set, answer, amount, version);
  return { status: 'decided', decision: value === undefined ? decision : { ...decision, value }, scale, policy };
}

const deniedByBatch = ({ access, version }: PreparedCheck): CheckOutcome => ({
  status: 'decided',
  decision: batchDenied(version),
  scale: access.scale,
  policy: NO_POLICY,
});

/** The caller's mistake as an outcome; anything else is thrown on. */
function callersFailure(error: unknown): Extract<CheckOutcome, { status: 'failed' }> {
  if (error instanceof WeirError && error.status < 500)
    return { status: 'failed', code: error.code, message: error.message };
  throw error;
}

/** In a batch a dead store is an item's failure as well: others of it may have been charged, and the caller must know. */
function itemFailure(error: unknown): CheckOutcome {
  if (error instanceof WeirError) return { status: 'failed', code: error.code, message: error.message };
  throw error;
}

function unlessUnknown(error: unknown): void {
  if (!(error instanceof WeirError && error.code === 'unknown_customer')) throw error;
}
