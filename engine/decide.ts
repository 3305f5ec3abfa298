import type { CatalogView } from './catalog/types.js';
import { Chunks } from './chunks.js';
import type { CustomerTerms } from './contract/catalog.js';
import { type ErrorCode, WeirError } from './contract/errors.js';
import type { Caller } from './engine.js';
import { type Access, Resolver } from './limits/resolve.js';
import { StaleCatalog } from './store/lane.js';
import type { Answer, Lacking, Operation } from './store/operation.js';
import type { Store } from './store/store.js';

/** Times an operation is resolved again: after a change of the catalog, or for the window of a limit. */
const ATTEMPTS_MAX = 16;

/** What is asked of many at once: how a request becomes an operation, and its answer an outcome. */
export interface Question<Request, Prepared extends { readonly operation: Operation }, Outcome> {
  /** Waits for a Redis that does not answer as long as for a fate. */
  readonly patient?: boolean;
  customerOf(request: Request): string;
  /**
   * @param atMs Redis's time, as far as it is known.
   * @throws WeirError for a request that cannot be asked; its status below 500 makes it the item's own failure.
   */
  prepare(request: Request, atMs: number): Prepared;
  outcomeOf(prepared: Prepared, answer: Answer): Outcome;
  /** The outcome of an item that failed on its own. @throws the error where the whole request has to fail. */
  failure(error: unknown): Outcome;
}

/**
 * The way of every decision: resolve → commit → outcome. What was missing is fetched, and the operation asked again.
 *
 *   request ─► resolve (catalog view, customer loaded on demand) ─► commit (one script call, micro-batched) ─► outcome
 *                 ▲                                                    │
 *                 ├── stale: catch up with the catalog, and authorize  │
 *                 │   the caller again ◄───────────────────────────────┤
 *                 └── needs window: the windows at Redis's time ◄──────┘
 */
export class Decider {
  readonly view: CatalogView;
  readonly #store: Store;
  readonly resolver: Resolver;
  readonly nowMs: () => number;

  /** `nowMs`, Redis's time as far as it is known, chooses which windows are sent along first, and which grants there are. */
  constructor(view: CatalogView, store: Store, nowMs: () => number) {
    this.view = view;
    this.#store = store;
    this.resolver = new Resolver(view);
    this.nowMs = nowMs;
  }

  /** @throws WeirError unknown_entity; CustomerNeeded, which `retried` and `many` mend. */
  access(customer: string, feature: string, entity?: string, atMs = this.nowMs()): Access {
    const access = this.resolver.access(customer, feature, atMs, entity);
    if (access === undefined) throw new CustomerNeeded(customer);
    return access;
  }

  /** @throws WeirError unknown_customer; CustomerNeeded, which `retried` and `many` mend. */
  terms(id: string): CustomerTerms {
    const terms = this.view.terms(id);
    if (terms === undefined) throw new CustomerNeeded(id);
    if (terms === null) throw new WeirError('unknown_customer', `"${id}"`);
    return terms;
  }

  /** Loads the customer where the view does not have it. @throws WeirError unknown_customer, store_unavailable. */
  loaded(id: string): Promise<CustomerTerms> {
    return this.retried(async () => this.terms(id));
  }

  /**
   * One call for operations of one customer, resolved in this turn of the event loop.
   * @throws WindowNeeded and StaleCatalog, which `retried` mends; WeirError of the store, and of a caller's revoked key.
   */
  async commit(operations: readonly Operation[], atomic: boolean, caller?: Caller): Promise<Answer[]> {
    const customer = operations[0]?.head.customer;
    if (customer === undefined) return [];
    const answers = await this.#store.commit(
      customer,
      { operations, atomic, span: caller?.span },
      this.#versionFor(caller),
    );
    if (answers.some(({ status }) => status === 'needs_window')) throw new WindowNeeded(operations, answers);
    return answers;
  }

  /** As `commit` for one operation. */
  async commitOne(operation: Operation, caller?: Caller): Promise<Answer> {
    const [answer] = await this.commit([operation], false, caller);
    if (answer === undefined) throw new WeirError('internal', 'an operation without an answer');
    return answer;
  }

  /**
   * The short way of one operation that was resolved in this turn: one call, no retry. `settle` gets an error where the
   * long way has to be taken. @throws WeirError of a caller's revoked key.
   */
  ask(operation: Operation, caller: Caller | undefined, settle: (answer: Answer | Error) => void): void {
    this.#store.submit(
      operation.head.customer,
      { operations: [operation], atomic: false, span: caller?.span },
      this.#versionFor(caller),
      (answers) => {
        settle(
          answers instanceof Error
            ? answers
            : (answers[0] ?? new WeirError('internal', 'an operation without an answer')),
        );
      },
    );
  }

  /**
   * The version that operations resolved in this turn are decided by. Their caller must have been authorized by the same
   * one: where the catalog has moved on since, it is authorized again.
   */
  #versionFor(caller: Caller | undefined): number {
    const { version } = this.view;
    if (caller !== undefined && caller.version !== version) caller.authorizeAgain();
    return version;
  }

  /**
   * Runs an attempt again after what it was missing has been fetched. A refusal that the catalog gives is thrown only by
   * a view that has caught up: a change that was answered elsewhere may not have come here yet.
   * @param because what an attempt before failed by, which is mended first.
   */
  async retried<T>(attempt: () => Promise<T>, because?: unknown): Promise<T> {
    if (because !== undefined && !isByCatalog(because)) await this.#mend(because);
    for (let left = ATTEMPTS_MAX; left > 0; left--) {
      const { version } = this.view;
      try {
        return await attempt();
      } catch (error) {
        if (!isByCatalog(error)) await this.#mend(error);
        else if (await this.isInForce(version)) throw error;
      }
    }
    throw new WeirError('overloaded', `not decided in ${ATTEMPTS_MAX} attempts: the catalog changes, or windows turn`);
  }

  /**
   * Asks many in order, each seeing those before it, in as few calls as there are shards and full batches. An item that
   * fails on its own leaves the others alone.
   */
  async many<R, P extends { readonly operation: Operation }, O>(
    requests: readonly R[],
    question: Question<R, P, O>,
    caller?: Caller,
  ): Promise<O[]> {
    const outcomes: (O | undefined)[] = requests.map(() => undefined);
    let left = [...requests.keys()];
    for (let attempts = ATTEMPTS_MAX; left.length > 0; attempts--) {
      if (attempts === 0)
        throw new WeirError(
          'overloaded',
          `not decided in ${ATTEMPTS_MAX} attempts: the catalog changes, or windows turn`,
        );
      const asked = left.length === requests.length ? requests : requests.filter((_, index) => left.includes(index));
      try {
        await this.loadAll(asked, question);
      } catch (error) {
        // Others of the request may have been charged by now: it is those that are left that fail.
        for (const index of left) outcomes[index] = question.failure(error);
        break;
      }
      let version: number;
      try {
        version = this.#versionFor(caller);
      } catch (error) {
        // While nothing is decided the request fails; afterwards only what is left of it, since the rest has been charged.
        if (left.length === requests.length) throw error;
        for (const index of left) outcomes[index] = question.failure(error);
        break;
      }
      const chunks = new Chunks<P>(this.#store);
      const refused = new Map<number, unknown>();
      const atMs = this.nowMs();
      asked.forEach((request, place) => {
        const index = left[place] ?? place;
        try {
          chunks.add(question.customerOf(request), { index, prepared: question.prepare(request, atMs) });
        } catch (error) {
          if (error instanceof CustomerNeeded) chunks.postponed.push(index);
          else if (isByCatalog(error)) refused.set(index, error);
          else outcomes[index] = question.failure(error);
        }
      });
      const again = new Set(chunks.postponed);
      await Promise.all(
        chunks.full.map(async (items) => {
          try {
            const operations = items.map(({ prepared }) => prepared.operation);
            const answers = await this.#store.commit(
              operations[0]?.head.customer ?? '',
              { operations, atomic: false, patient: question.patient === true, span: caller?.span },
              version,
            );
            items.forEach(({ index, prepared }, position) => {
              const answer = answers[position];
              if (answer === undefined) throw new WeirError('internal', 'an operation without an answer');
              if (answer.status === 'needs_window') {
                this.rebuild(prepared.operation, answer);
                again.add(index);
              } else outcomes[index] = settled(question, prepared, answer);
            });
          } catch (error) {
            if (error instanceof StaleCatalog) for (const { index } of items) again.add(index);
            else for (const { index } of items) outcomes[index] = question.failure(error);
          }
        }),
      );
      if (again.size > 0 || refused.size > 0) {
        let confirmed: boolean;
        try {
          confirmed = await this.isInForce(version);
        } catch (error) {
          for (const index of [...again, ...refused.keys()]) outcomes[index] = question.failure(error);
          break;
        }
        for (const [index, error] of refused) {
          if (confirmed) outcomes[index] = question.failure(error);
          else again.add(index);
        }
      }
      left = left.filter((index) => again.has(index));
    }
    return outcomes.map((outcome) => {
      if (outcome === undefined) throw new WeirError('internal', 'a request without an outcome');
      return outcome;
    });
  }

  /** Catches up with the catalog. @returns true when the version is the one in force. @throws WeirError store_unavailable. */
  async isInForce(version: number): Promise<boolean> {
    return (await this.#reached(() => this.view.catchUp())) === version;
  }

  /** Loads the customers that the view does not have. @throws WeirError store_unavailable. */
  async loadAll<R>(requests: readonly R[], question: Pick<Question<R, never, never>, 'customerOf'>): Promise<void> {
    let missing: Set<string> | undefined;
    for (const request of requests) {
      const id = question.customerOf(request);
      if (this.view.terms(id) === undefined) {
        missing ??= new Set();
        missing.add(id);
      }
    }
    if (missing !== undefined)
      await Promise.all([...missing].map((id) => this.#reached(() => this.view.loadCustomer(id))));
  }

  /** True for what `retried` mends. */
  static isMendable(error: unknown): boolean {
    return (
      error instanceof CustomerNeeded ||
      error instanceof StaleCatalog ||
      error instanceof WindowNeeded ||
      isByCatalog(error)
    );
  }

  async #mend(error: unknown): Promise<void> {
    if (error instanceof CustomerNeeded) await this.#reached(() => this.view.loadCustomer(error.customer));
    else if (error instanceof StaleCatalog) await this.#reached(() => this.view.catchUp());
    else if (error instanceof WindowNeeded) {
      error.operations.forEach((operation, index) => {
        const answer = error.answers[index];
        if (answer?.status === 'needs_window') this.rebuild(operation, answer);
      });
    } else throw error;
  }

  /** Derives the limits of an operation anew, for the window at an instant that the script found missing of one. */
  rebuild({ head, entities, parts }: Operation, { instantMs, place }: Lacking, nowMs = this.nowMs()): void {
    if (place === 0) return;
    let before = 0;
    for (const { set } of parts) {
      const rule = place - 1 - before;
      before += set.rules.length;
      const lacking = { rule: rule >= 0 && place <= before ? rule : null, instantMs };
      // The last entity is the one that was asked for; a void's may be gone, and is not resolved then.
      this.resolver.rebuild(head.customer, set.feature, entities.at(-1), lacking, nowMs);
    }
  }

  /** A read of the catalog; the client's own errors mean that Redis cannot be reached. */
  async #reached<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await this.#store.guard(read);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      throw new WeirError('store_unavailable', error instanceof Error ? error.message : undefined);
    }
  }
}

function settled<P extends { readonly operation: Operation }, O>(
  question: Question<never, P, O>,
  prepared: P,
  answer: Answer,
): O {
  try {
    return question.outcomeOf(prepared, answer);
  } catch (error) {
    return question.failure(error);
  }
}

/** Refusals that are read from the catalog before Redis is asked, so that its fence cannot catch a view left behind. */
const CATALOG_REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'unknown_customer',
  'unknown_entity',
  'unknown_event_type',
  'missing_value',
  'invalid_amount',
  'not_metered',
  'too_many_items',
]);

const isByCatalog = (error: unknown): error is WeirError =>
  error instanceof WeirError && CATALOG_REFUSALS.has(error.code);

/**
 * The view does not have the customer yet. No Error: where customers are many it is thrown by most checks, and a stack
 * that nobody reads costs more than the reading of the customer.
 */
class CustomerNeeded {
  readonly customer: string;

  constructor(customer: string) {
    this.customer = customer;
  }
}

/** Windows were needed that were not sent along. */
class WindowNeeded extends Error {
  readonly operations: readonly Operation[];
  /** One for each operation. */
  readonly answers: readonly Answer[];

  constructor(operations: readonly Operation[], answers: readonly Answer[]) {
    super('windows are needed that were not sent along');
    this.operations = operations;
    this.answers = answers;
  }
}

type Refusal = Exclude<Answer, { readonly states: readonly unknown[] }>;

/** The error behind an answer without states. A gate or a missing set that reaches this was not expected there. */
export function errorOf(answer: Refusal): WeirError {
  switch (answer.status) {
    case 'gated':
    case 'voided':
    case 'needs_window':
    case 'needs_set':
      return new WeirError('internal', `the answer ${answer.status} was not expected`);
    default:
      return new WeirError(answer.status);
  }
}
