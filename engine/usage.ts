import { entityPath, type Feature } from './contract/catalog.js';
import { WeirError } from './contract/errors.js';
import { type Decider, errorOf, type Question } from './decide.js';
import { decisionOf } from './decision-of.js';
import type { FeatureUsage } from './engine.js';
import type { Access } from './limits/resolve.js';
import { ALWAYS, operationOf } from './operations.js';
import type { Operation } from './store/operation.js';

interface Asked {
  readonly customer: string;
  readonly entity: string | undefined;
  readonly feature: Feature;
}

interface PreparedUsage {
  readonly operation: Operation;
  readonly access: Access;
  readonly version: number;
}

/** The live counters of a customer: peeks of 0 on every metered feature that it is granted. */
export class Usage {
  readonly #decider: Decider;
  readonly #question: Question<Asked, PreparedUsage, FeatureUsage>;

  constructor(decider: Decider) {
    this.#decider = decider;
    this.#question = {
      customerOf: ({ customer }) => customer,
      prepare: (asked, atMs) => this.#prepare(asked, atMs),
      outcomeOf: ({ access, version }, answer) => {
        if (!('states' in answer)) throw errorOf(answer);
        return { scale: access.scale, limits: decisionOf(access.set, answer, 0, version).limits };
      },
      // Counters that could not be read are not left out: the answer would look like a customer without limits.
      failure: (error) => {
        throw error;
      },
    };
  }

  /** By feature. @throws WeirError unknown_customer, unknown_entity, and the store's. */
  async of(customerId: string, entity: string | undefined): Promise<Record<string, FeatureUsage>> {
    const customer = await this.#decider.loaded(customerId);
    if (entity !== undefined && entityPath(customer.entities ?? [], entity) === null) {
      throw new WeirError('unknown_entity', `"${entity}"`, { field: 'entity' });
    }
    const asked: Asked[] = [];
    for (const feature of this.#decider.view.features()) {
      if (feature.kind !== 'metered') continue;
      const { set } = this.#decider.access(customerId, feature.id, entity);
      if (set.rules.length > 0) asked.push({ customer: customerId, entity, feature });
    }
    const usages = await this.#decider.many(asked, this.#question);
    return Object.fromEntries(
      asked.flatMap(({ feature }, index) => {
        const usage = usages[index];
        return usage === undefined ? [] : [[feature.id, usage]];
      }),
    );
  }

  /** What was used is there to be seen also of a customer who may use nothing now: suspended, expired, not started. */
  #prepare({ customer, entity, feature }: Asked, atMs: number): PreparedUsage {
    const access = this.#decider.access(customer, feature.id, entity, atMs);
    const head = { customer, entity, source: 'usage' };
    const operation = operationOf('peek', { ...access, ...ALWAYS }, 0, undefined, head);
    return { operation, access, version: this.#decider.view.version };
  }
}
