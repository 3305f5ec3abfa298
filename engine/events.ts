import { WeirError } from './contract/errors.js';
import { type Decider, errorOf, type Question } from './decide.js';
import type { Caller, EventInput, EventOutcome } from './engine.js';
import { partsOf } from './event-parts.js';
import { eventId } from './ids.js';
import { takenOperation } from './operations.js';
import type { Answer, Operation } from './store/operation.js';

/** Usage that has happened: always taken, once per source and id, whatever the customer's status. */
export class Events {
  readonly #decider: Decider;
  readonly #question: Question<EventInput, { readonly operation: Operation }, EventOutcome>;

  constructor(decider: Decider) {
    this.#decider = decider;
    this.#question = {
      patient: true,
      customerOf: (event) => event.customer,
      prepare: (event, atMs) => ({ operation: this.#prepare(event, atMs) }),
      outcomeOf,
      failure,
    };
  }

  /**
   * Charges events, each on its own. Resolves when all are safe against the death of any process.
   * @throws WeirError of the store; what was charged by then is a duplicate when the same events are sent again.
   */
  record(events: readonly EventInput[], caller?: Caller): Promise<EventOutcome[]> {
    return this.#decider.many(events, this.#question, caller);
  }

  #prepare(event: EventInput, atMs: number): Operation {
    const { view, resolver } = this.#decider;
    const { parts, dimensions, entities, values } = partsOf(
      event,
      this.#decider.terms(event.customer),
      view.metersOfType(event.type),
      resolver,
      atMs,
    );
    const { customer, entity, source, id, type, happenedAtMs = 0 } = event;
    const head = { customer, entity, source, id, dimensions };
    const taken = { happenedAtMs, id: eventId(customer, source, id, type, entity ?? '', values), entities, parts };
    return takenOperation('record', head, taken);
  }
}

function outcomeOf(_: unknown, answer: Answer): EventOutcome {
  if (!('states' in answer)) throw errorOf(answer);
  return answer.flags.replayed ? { status: 'duplicate' } : { status: 'accepted', degraded: false };
}

function failure(error: unknown): EventOutcome {
  if (error instanceof WeirError && error.status < 500)
    return { status: 'rejected', code: error.code, message: error.message };
  throw error;
}
