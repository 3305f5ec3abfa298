import { type CallHow, type RealBench, useRealGateways } from './engine-support.js';
import { errorOf } from './gateway-support.js';

/** Test support: reservations over HTTP, on two gateways over the real engine. */

const CATALOG = `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.tokens, scale: 2 }
  - { id: calls, eventType: llm.request, aggregation: count }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: jobs, kind: metered, meter: calls }
  - { id: sso, kind: boolean }
plans:
  - id: pro
    features:
      chat: { limits: [{ id: total, kind: quota, amount: 100000, window: { every: lifetime }, warnAt: [50] }] }
      jobs: { limits: [{ id: parallel, kind: concurrency, slots: 2 }] }
      sso: true
customers:
  - { id: acme, plan: pro, entities: [{ id: ann, features: { chat: { limits: [{ id: own, kind: quota, amount: 1000, window: { every: lifetime } }] } } }] }
  - { id: globex, plan: pro }
  - { id: initech, plan: pro }
  - { id: umbrella, plan: pro }
  - { id: hooli, plan: pro }
`;

export const hold = { customer: 'acme', feature: 'chat', amount: '2.5' };

export interface ReservationBench {
  /** A request below `/v1/reservations`. */
  call(path: string, body: unknown, how?: CallHow): Promise<Response>;
  read(path: string, body: unknown, how?: CallHow): Promise<Record<string, unknown>>;
  /** The `error` of a request that fails, with its status. */
  failure(path: string, body: unknown, how?: CallHow): Promise<Record<string, unknown>>;
  /** The live states of a feature's limits. */
  limitsOf(customer: string, feature: string, query?: string): Promise<unknown>;
}

export function useReservations(): ReservationBench & { readonly bench: () => RealBench } {
  const bench = useRealGateways(CATALOG);
  const call: ReservationBench['call'] = (path, body, how) => bench().call(`/v1/reservations${path}`, body, how);
  return {
    bench,
    call,
    read: (path, body, how) => bench().read(`/v1/reservations${path}`, body, how),
    failure: async (path, body, how) => errorOf(await call(path, body, how)),
    limitsOf: async (customer, feature, query = '') => {
      const { features } = await bench().read(`/v1/customers/${customer}/usage${query}`);
      return (features as Record<string, { limits: unknown }>)[feature]?.limits;
    },
  };
}
