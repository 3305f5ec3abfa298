/** Who the facts belong to, as fill-facts.sql draws them. */

const ZONES: Readonly<Record<number, string>> = { 1: 'Europe/Berlin', 2: 'Asia/Kolkata' };
/** Mean of the tokens of one fact, and the share of facts that have some (fill-facts.sql). */
const TOKENS_PER_FACT = 1_000.5 * 0.8;
/** What plans include grows by this from one to the next. */
const PLAN_STEP = 1.25;
const LEAST_INCLUDED = 1_000;

export interface Population {
  /** The catalog's file, JSON, which is YAML too. */
  readonly catalog: string;
  /** What the monthly quota of each customer includes, in the order of their numbers. */
  readonly included: readonly number[];
}

export const customerId = (index: number): string => `customer-${String(index).padStart(6, '0')}`;

/** Customers whose plans leave some near their limits, some past them and most well below. */
export function populationOf(customers: number, factsPerMonth: number): Population {
  const planOf = (index: number): number => {
    const share = Math.sqrt((index + 1) / customers) - Math.sqrt(index / customers);
    const expected = factsPerMonth * share * TOKENS_PER_FACT;
    // From nine tenths of what is expected to four times as much.
    const room = 0.9 + (3.1 * ((index * 7919) % 1_000)) / 1_000;
    return Math.max(0, Math.ceil(Math.log((expected * room) / LEAST_INCLUDED) / Math.log(PLAN_STEP)));
  };
  const plans = Array.from({ length: customers }, (_, index) => planOf(index));
  const includedBy = (plan: number): number => Math.round(LEAST_INCLUDED * PLAN_STEP ** plan);
  const month = { every: 'month' };
  const document = {
    meters: [
      {
        id: 'tokens',
        eventType: 'llm.request',
        aggregation: 'sum',
        value: '$.tokens',
        dimensions: { model: '$.model', region: '$.region' },
        unit: 'token',
      },
      { id: 'calls', eventType: 'call', aggregation: 'count', dimensions: { model: '$.model', region: '$.region' } },
    ],
    features: [
      { id: 'chat', kind: 'metered', meter: 'tokens' },
      { id: 'api', kind: 'metered', meter: 'calls' },
    ],
    plans: [...new Set(plans)].map((plan) => ({
      id: `plan-${plan}`,
      features: {
        chat: { limits: [{ id: 'monthly', kind: 'quota', amount: includedBy(plan), window: month, overage: 'allow' }] },
        api: { limits: [{ id: 'monthly', kind: 'quota', amount: 1_000_000, window: month, overage: 'allow' }] },
      },
    })),
    customers: plans.map((plan, index) => ({
      id: customerId(index),
      plan: `plan-${plan}`,
      timezone: ZONES[index % 10] ?? 'UTC',
    })),
  };
  return { catalog: JSON.stringify(document), included: plans.map(includedBy) };
}
