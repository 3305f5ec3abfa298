import { parseAmount } from './contract/amounts.js';
import { type CustomerTerms, entityPath, type Meter } from './contract/catalog.js';
import { DIMENSION_CHARS_MAX, EVENT_PARTS_MAX } from './contract/constants.js';
import { WeirError } from './contract/errors.js';
import { FACT_METER_FIRST } from './contract/fact.js';
import type { EventInput } from './engine.js';
import type { Resolver } from './limits/resolve.js';
import type { OperationPart } from './store/operation.js';

/** What an event charges: its parts, the dimensions its meters read, and the values that must repeat under its id. */
export interface EventParts {
  readonly parts: readonly OperationPart[];
  readonly dimensions: Readonly<Record<string, string>> | undefined;
  readonly entities: readonly string[];
  readonly values: readonly (string | number)[];
}

/** Dimension under which a `unique` meter keeps what it counts. */
export const uniqueDimension = (meter: string): string => `unique:${meter}`;

/**
 * One part per meter of the event's type and metered feature of the customer on it; a meter that no feature of the
 * customer charges is still a fact. The first fact of a meter counts for it, so that two features on one meter do not
 * double it.
 * @throws WeirError unknown_entity, unknown_event_type, missing_value, invalid_amount, too_many_items.
 */
export function partsOf(
  event: EventInput,
  terms: CustomerTerms,
  meters: readonly Meter[],
  resolver: Resolver,
  atMs: number,
): EventParts {
  if (event.entity !== undefined && entityPath(terms.entities ?? [], event.entity) === null) {
    throw new WeirError('unknown_entity', `"${event.entity}"`, { field: 'entity' });
  }
  if (meters.length === 0) throw new WeirError('unknown_event_type', `"${event.type}"`, { field: 'type' });
  const parts: OperationPart[] = [];
  const values: (string | number)[] = [];
  let dimensions: Record<string, string> | undefined;
  let entities: readonly string[] = [];
  for (const meter of meters) {
    const { amount, unique } = meterValue(event, meter);
    values.push(meter.id, unique ?? amount);
    for (const [name, path] of Object.entries(meter.dimensions ?? {})) {
      const text = dimensionText(readPath(event.data, path));
      if (text !== undefined) dimensions = { ...dimensions, [name]: text };
    }
    if (unique !== undefined) dimensions = { ...dimensions, [uniqueDimension(meter.id)]: unique };
    const charged = backsLimits(meter)
      ? resolver.featuresOnMeter(event.customer, terms, meter, atMs, event.entity)
      : [];
    if (charged.length === 0) parts.push({ set: resolver.meterOnly(meter.id), amount, flags: FACT_METER_FIRST });
    charged.forEach(({ access }, index) => {
      entities = access.entities;
      parts.push({ set: access.set, amount, flags: index === 0 ? FACT_METER_FIRST : 0 });
    });
  }
  if (parts.length > EVENT_PARTS_MAX)
    throw new WeirError('too_many_items', `an event has at most ${EVENT_PARTS_MAX} parts, this has ${parts.length}`);
  return { parts, dimensions, entities, values };
}

const backsLimits = (meter: Meter): boolean => meter.aggregation === 'sum' || meter.aggregation === 'count';

function meterValue(event: EventInput, meter: Meter): { amount: number; unique?: string } {
  if (meter.value === undefined) return { amount: 1 };
  const value = readPath(event.data, meter.value);
  if (value === undefined || value === null) {
    throw new WeirError('missing_value', `meter ${meter.id} reads ${meter.value}`, {
      field: `data${meter.value.slice(1)}`,
    });
  }
  if (meter.aggregation === 'unique') {
    const unique = dimensionText(value);
    if (unique === undefined)
      throw new WeirError('missing_value', `${meter.value} must be text, a number or a boolean`);
    return { amount: 1, unique };
  }
  return { amount: parseAmount(value, meter.scale, `data${meter.value.slice(1)}`) };
}

/** Follows `$.a.b` through own properties only. */
function readPath(data: Readonly<Record<string, unknown>>, path: string): unknown {
  let value: unknown = data;
  for (const name of path.slice(2).split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

function dimensionText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.slice(0, DIMENSION_CHARS_MAX);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return undefined;
}
