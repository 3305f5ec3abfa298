import { ByteWriter } from './contract/bytes.js';
import { WeirError } from './contract/errors.js';
import {
  FACT_LATE,
  FACT_METER_FIRST,
  LIMIT_KIND_BUCKET,
  LIMIT_KIND_QUOTA,
  WINDOW_OF_BUCKET,
  writeDescriptor,
} from './contract/fact.js';
import { VOID_CHARGE } from './contract/void.js';
import { type Decider, errorOf } from './decide.js';
import type { Caller, Charge, ChargedFact, Correction } from './engine.js';
import { voidId } from './ids.js';
import type { LimitSet, Rule } from './limits/limit-set.js';
import type { Access } from './limits/resolve.js';
import { takenOperation } from './operations.js';
import type { Answer, Operation, OperationPart } from './store/operation.js';

type NamedLimit = ChargedFact['limits'][number];

/** Takes charges of events back: the counters of all parts and their corrections in the ledger, in one step. */
export class Voids {
  readonly #decider: Decider;

  constructor(decider: Decider) {
    this.#decider = decider;
  }

  /**
   * Takes one charge back as the ledger has it; once, however often it is asked for. The customer, its entity and its limits may
   * be gone or other ones by now: what is no longer in force is corrected in the ledger alone.
   * @throws WeirError id_memory_full and those of the store.
   */
  void(charge: Charge, caller?: Caller): Promise<Correction> {
    return this.#decider.retried(async () => {
      const answer = await this.#decider.commitOne(this.#prepare(charge), caller);
      if (answer.status === 'voided') return correctionOf(charge, answer);
      throw 'states' in answer ? new WeirError('internal', `a void was ${answer.status}`) : errorOf(answer);
    });
  }

  #prepare(charge: Charge): Operation {
    const { customer, source, id, place, entity, dimensions } = charge;
    const parts: OperationPart[] = [];
    let entities: readonly string[] = [];
    for (const fact of charge.facts) {
      const access = fact.feature === '' ? undefined : this.#access(customer, fact.feature, entity);
      if (access !== undefined && access.entities.length > 0) entities = access.entities;
      const set = access?.set ?? this.#decider.resolver.meterOnly(fact.meter);
      parts.push(partOf(fact, set));
    }
    const head = { customer, entity, source, id, dimensions: { ...dimensions, [VOID_CHARGE]: place } };
    const taken = { happenedAtMs: charge.happenedAtMs, id: voidId(customer, source, id, place), entities, parts };
    return takenOperation('void', head, taken);
  }

  /** Of an entity that is gone since, its customer's. */
  #access(customer: string, feature: string, entity: string | undefined): Access {
    try {
      return this.#decider.access(customer, feature, entity);
    } catch (error) {
      if (!(error instanceof WeirError && error.code === 'unknown_entity')) throw error;
      return this.#decider.access(customer, feature);
    }
  }
}

function partOf(fact: ChargedFact, inForce: LimitSet): OperationPart {
  const { feature, meter, amount, limits } = fact;
  const places = limits.map((limit) => inForce.rules.findIndex((rule) => isSame(rule, limit)));
  const descriptor = new ByteWriter();
  const described = limits.map((limit, index) => ({
    id: limit.id,
    kind: limit.windowStartMs === null ? LIMIT_KIND_BUCKET : LIMIT_KIND_QUOTA,
    included: includedNow(limit, inForce.rules[places[index] ?? -1]),
  }));
  writeDescriptor(descriptor, feature, meter, described);
  return {
    // The facts name what was charged, not what is in force: the same limits for the script under another descriptor.
    set: { ...inForce, descriptor: descriptor.take(), claimedBy: 0, index: 0 },
    amount,
    flags: (fact.isMetered ? FACT_METER_FIRST : 0) + (fact.late ? FACT_LATE : 0),
    voided: limits.map(({ windowStartMs }, index) => ({
      place: 1 + (places[index] ?? -1),
      windowStartMs: windowStartMs ?? WINDOW_OF_BUCKET,
    })),
  };
}

const isSame = (rule: Rule, { id, windowStartMs }: NamedLimit): boolean =>
  rule.name === id && rule.kind === (windowStartMs === null ? 'bucket' : 'quota');

/** As a charge of this window would say it now; of a window that is over, as its last charge said it. */
function includedNow(limit: NamedLimit, rule: Rule | undefined): number {
  if (rule?.kind === 'bucket') return rule.capacity;
  const isKept = rule?.kind === 'quota' && limit.windowStartMs !== null && limit.windowStartMs >= rule.boundaries[0];
  return isKept ? rule.included : limit.included;
}

function correctionOf(charge: Charge, answer: Extract<Answer, { status: 'voided' }>): Correction {
  const after = answer.after.values();
  return {
    replayed: answer.flags.replayed,
    voidedAtMs: answer.voidedAtMs,
    dimensions: answer.head.dimensions,
    facts: charge.facts.map(({ feature, meter, amount, limits }) => ({
      feature,
      meter,
      amount,
      limits: limits.map(({ id, windowStartMs }) => ({ id, windowStartMs, after: after.next().value ?? null })),
    })),
  };
}
