/** What the clients of the chaos harness use. Windows are for life and no bucket refills: every sum can be held against the books. */

export const EVENT_TYPE = 'chaos.used';
export const SOURCE = 'chaos';
/** One an event, or a check's amount. Denied while Redis is away. */
export const CALLS = 'calls';
/** What events say. */
export const UNITS = 'units';
/** Allowed while Redis is away: decided from the gateway's disk. */
export const OPEN = 'open';
/** For reservations. */
export const HELD = 'held';
/** Always short: its cap moves through the API while clients draw on it. */
export const TIGHT = 'tight';
export const FEATURES = [CALLS, UNITS, OPEN, HELD, TIGHT] as const;

export const LIMIT = 'total';
export const PLAN = 'chaos';
export const CUSTOMERS = Array.from({ length: 8 }, (_, index) => `customer-${index}`);
/** Asks after each repair whether all of the system lives. */
export const CANARY = 'canary';

const AMPLE = 1_000_000_000_000;

/** Meters and features, as a file: plan and customers come by the API, which then may change them. */
export function chaosCatalog(): string {
  return JSON.stringify({
    meters: [
      { id: CALLS, eventType: EVENT_TYPE, aggregation: 'count' },
      { id: UNITS, eventType: EVENT_TYPE, aggregation: 'sum', value: '$.units' },
      ...[OPEN, HELD, TIGHT].map((id) => ({ id, eventType: `chaos.${id}`, aggregation: 'count' })),
    ],
    features: FEATURES.map((id) => ({ id, kind: 'metered', meter: id })),
  });
}

/** The plan of all customers, with this cap on `tight`. */
export function chaosPlan(tightCap: number): object {
  const quota = (amount: number, more: object = {}) => ({
    limits: [{ id: LIMIT, kind: 'quota', amount, window: { every: 'lifetime' }, ...more }],
  });
  return {
    features: {
      [CALLS]: quota(AMPLE),
      [UNITS]: quota(AMPLE),
      [OPEN]: quota(AMPLE, { onUnavailable: 'allow' }),
      [HELD]: quota(AMPLE),
      [TIGHT]: quota(tightCap),
    },
  };
}
