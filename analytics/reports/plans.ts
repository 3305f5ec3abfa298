import { z } from 'zod';
import type { Limit, Plan } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { formatSum } from './amounts.js';
import type { ReportCatalog } from './catalog.js';

const planCustomers = loadQuery('plan-customers');
const planUtilization = loadQuery('plan-utilization');

const YEAR_MS = 366 * 24 * 3_600_000;
/** 0 to 9 tenths of what is included, and all of it or more. */
const TENTHS = 11;
const NEAR_TENTH = 8;

const customersSchema = z.object({ plan: z.string(), customers: z.number() });
const utilizationSchema = z.object({
  plan: z.string(),
  feature: z.string(),
  limitId: z.string(),
  tenth: z.number(),
  customers: z.number(),
  near: z.number(),
});

const amountSchema = z.union([z.number(), z.string()]);
export const plansSchema = z.object({
  rows: z.array(
    z.object({
      plan: z.string(),
      name: z.string(),
      customers: z.number(),
      /** Customers at 80 % or more of any of the plan's quotas. */
      near: z.number(),
      limits: z.array(
        z.object({
          feature: z.string(),
          limit: z.string(),
          every: z.string(),
          /** By the plan alone; add-ons may add to it. */
          included: amountSchema,
          /** Customers that used some of it in their current window. */
          using: z.number(),
          near: z.number(),
          exhausted: z.number(),
          /** Those by tenths of what is included; the last for all of it and more. */
          distribution: z.array(z.number()).length(TENTHS),
        }),
      ),
    }),
  ),
});
export type PlansReport = z.output<typeof plansSchema>;

/** What the catalog must answer: its plans by id, and meters of features. */
export type PlansCatalog = Pick<ReportCatalog, 'plan' | 'feature' | 'meter'>;

interface PlanQuota {
  readonly plan: string;
  readonly feature: string;
  readonly limit: Limit & { readonly kind: 'quota' };
}

/**
 * Plans with their customers, and how far these have used each quota of the plan in its current window. Only plans that
 * some customer has; a customer's plan is that of the newest change on record.
 */
export async function plansReport(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: PlansCatalog,
  nowMs: number,
): Promise<PlansReport> {
  const counts = await clickhouse.query(planCustomers, {}, customersSchema);
  const plans = counts.flatMap(({ plan, customers }) => {
    const body = catalog.plan(plan);
    return body === undefined ? [] : [{ body, customers }];
  });
  const quotas = plans.flatMap(({ body }) => quotasOfPlan(body));
  const parameters = {
    plans: quotas.map(({ plan }) => plan),
    features: quotas.map(({ feature }) => feature),
    limits: quotas.map(({ limit }) => limit.id),
    everies: quotas.map(({ limit }) => limit.window.every),
    fromMs: Math.max(1, nowMs - YEAR_MS),
    nowMs,
  };
  const read = quotas.length === 0 ? [] : await clickhouse.query(planUtilization, parameters, utilizationSchema);
  return {
    rows: plans.map(({ body, customers }) => ({
      plan: body.id,
      name: body.name ?? body.id,
      customers,
      near: read.find((row) => row.plan === body.id && row.feature === '')?.near ?? 0,
      limits: quotas.filter(({ plan }) => plan === body.id).map((quota) => limitRow(catalog, quota, read)),
    })),
  };
}

function quotasOfPlan({ id, features }: Plan): PlanQuota[] {
  return Object.entries(features).flatMap(([feature, grant]) => {
    if (typeof grant !== 'object') return [];
    return grant.limits.flatMap((limit) =>
      limit.kind === 'quota' && limit.shadow !== true ? [{ plan: id, feature, limit }] : [],
    );
  });
}

function limitRow(
  catalog: PlansCatalog,
  { plan, feature, limit }: PlanQuota,
  read: readonly z.output<typeof utilizationSchema>[],
): PlansReport['rows'][number]['limits'][number] {
  const own = read.filter((row) => row.plan === plan && row.feature === feature && row.limitId === limit.id);
  const distribution = Array.from(
    { length: TENTHS },
    (_, tenth) => own.find((row) => row.tenth === tenth)?.customers ?? 0,
  );
  const from = (tenth: number): number => distribution.slice(tenth).reduce((sum, count) => sum + count, 0);
  return {
    feature,
    limit: limit.id,
    every: limit.window.every,
    included: formatSum(BigInt(limit.amount), catalog.meter(catalog.feature(feature)?.meter ?? '')?.scale ?? 0),
    using: from(0),
    near: from(NEAR_TENTH),
    exhausted: from(TENTHS - 1),
    distribution,
  };
}
