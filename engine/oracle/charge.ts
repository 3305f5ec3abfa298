import type { Fact } from '../contract/fact.js';
import type { Charge } from '../engine.js';

/** A charge as a void needs it, from the facts of one event in one outbox entry, without ClickHouse in between. */
export function chargeOf(facts: readonly Fact[], place: string): Charge {
  const [first] = facts;
  if (first === undefined) throw new Error('a charge has a fact');
  const { customer, source, id, entity, happenedAtMs, dimensions } = first;
  return {
    customer,
    source,
    id,
    place,
    entity: entity === '' ? undefined : entity,
    happenedAtMs,
    dimensions,
    facts: facts.map(({ feature, meter, amount, meterAmount, late, limits }) => ({
      feature,
      meter,
      amount,
      isMetered: meterAmount !== 0,
      late,
      limits: limits.map(({ id, windowStartMs, included }) => ({ id, windowStartMs, included })),
    })),
  };
}
