/**
 * The catalog of a fuzzed stack. Names differ by many letters: a flipped byte never makes one customer another, so that
 * whatever is charged is charged to whom the request was meant for, or to nobody.
 */

/** Every answer about them is read: what they were told must be in the books, to the unit. */
export const EXACT_CUSTOMERS = [
  'amber-otter',
  'birch-falcon',
  'cobalt-heron',
  'dusty-lynx',
  'ember-walrus',
  'fjord-ibex',
];
/** Their requests may be torn, floods or holds: not every answer is heard. The two books must agree, and cover what was heard. */
export const LOOSE_CUSTOMERS = ['granite-newt', 'hazel-puffin', 'indigo-yak', 'juniper-crane'];

export const EVENT_TYPE = 'fuzz.used';
/** One an event, and the amount of a check. */
export const CALLS = 'calls';
/** What events say, whatever that is: the two books must agree on it. */
export const UNITS = 'units';
export const METERS = [CALLS, UNITS] as const;
export const SCALE = 3;

/** No run comes near it, and the sum of calls stays exact. */
const AMPLE = 1_000_000_000_000_000;
const lifetime = { window: { every: 'lifetime' }, kind: 'quota' };

/** JSON, which every YAML reader takes. The features are named like their meters. */
export function fuzzCatalog(): string {
  const limits = [{ id: 'total', amount: AMPLE, ...lifetime }];
  return JSON.stringify({
    meters: [
      { id: CALLS, eventType: EVENT_TYPE, aggregation: 'count', dimensions: { model: '$.model' } },
      { id: UNITS, eventType: EVENT_TYPE, aggregation: 'sum', value: '$.units', scale: SCALE },
    ],
    features: [
      { id: CALLS, kind: 'metered', meter: CALLS },
      { id: UNITS, kind: 'metered', meter: UNITS },
      { id: 'sso', kind: 'boolean' },
      { id: 'seats', kind: 'config' },
    ],
    plans: [{ id: 'ample', features: { [CALLS]: { limits }, [UNITS]: { limits }, sso: true, seats: 7 } }],
    customers: [...EXACT_CUSTOMERS, ...LOOSE_CUSTOMERS].map((id) => ({ id, plan: 'ample' })),
  });
}
