import { z } from 'zod';
import { type Engine, formatAmount, type LimitState } from '../../engine/index.js';
import { assertCustomer, type Route } from '../../ingest/http/index.js';

const noQuery = z.strictObject({});

/**
 * `GET /v1/customers/:id/usage`, the same as on the data plane: a browser that is signed in here has no session there,
 * and may not ask another origin.
 */
export function liveUsageRoute(engine: Pick<Engine, 'usage'>): Route {
  return {
    method: 'GET',
    path: '/v1/customers/:id/usage',
    scope: 'read',
    summary: 'The live counters of a customer',
    query: noQuery,
    handle: async (context) => {
      const customer = context.params.id ?? '';
      context.parseQuery(noQuery);
      assertCustomer(context.key, customer);
      return { status: 200, json: { customer, ...(await liveUsage(engine, customer)) } };
    },
  };
}

/** The live counters of a customer as answers show them: amounts by the meter's scale. */
export async function liveUsage(engine: Pick<Engine, 'usage'>, customer: string) {
  const { version, features } = await engine.usage(customer);
  const shown = Object.entries(features).map(([feature, { scale, limits }]) => {
    const states = Object.entries(limits).map(([limit, state]) => [limit, shownState(state, scale)]);
    return [feature, { limits: Object.fromEntries(states) }];
  });
  return { version, features: Object.fromEntries(shown) };
}

function shownState(state: LimitState, scale: number): object {
  const amount = (value: number): number | string => formatAmount(value, scale);
  switch (state.kind) {
    case 'bucket':
      return { kind: state.kind, capacity: amount(state.capacity), remaining: amount(state.remaining) };
    case 'concurrency':
      // Holders are counted, whatever the scale of the meter.
      return state;
    case 'quota':
      return {
        kind: state.kind,
        included: amount(state.included),
        used: amount(state.used),
        reserved: amount(state.reserved),
        overage: amount(state.overage),
        remaining: amount(state.remaining),
        headroom: state.headroom === null ? null : amount(state.headroom),
        resetAt: state.resetAtMs === null ? null : new Date(state.resetAtMs).toISOString(),
      };
  }
}
