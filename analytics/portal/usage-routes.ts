import { z } from 'zod';
import { type CatalogView, type Customer, type Engine, Resolver } from '../../engine/index.js';
import type { Reply, RequestContext, Route } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { sheetOf } from '../console/customer-sheet.js';
import { liveUsage } from '../console/live-usage.js';
import { answer } from '../control/answer.js';
import { onRedis } from '../control/operator.js';
import { forecastRows } from '../reports/forecasts.js';
import { csvReply } from '../reports/output.js';
import { monthPeriod } from '../reports/periods.js';
import { type UsageRow, usageOverTime } from '../reports/usage.js';
import { utilizationPages } from '../reports/utilization.js';
import { utilizationRow } from '../reports/utilization-rows.js';
import type { Sealer } from './seal.js';
import { type PortalSession, sessionOf } from './session.js';

export interface PortalDependencies {
  readonly sealer: Sealer;
  readonly catalog: CatalogView;
  readonly engine: Pick<Engine, 'usage'>;
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

/** Meters of one answer; a customer's features have a handful. */
const METERS_MAX = 100;
/** Forecasts of one answer. */
const FORECASTS_MAX = 1_000;
/** More than the days of a month. */
const DAYS_MAX = 100;

const noQuery = z.strictObject({});
/** A calendar month such as `2026-11`; the customer's current one when left out. */
const monthQuery = z.strictObject({ period: z.string().max(20).optional() });

/** What a portal session reads. No route takes a customer: it is the session's, and nothing else is asked for one. */
export function portalUsageRoutes(dependencies: PortalDependencies): Route[] {
  const { sealer, catalog, engine, clickhouse, now = Date.now } = dependencies;
  const resolver = new Resolver(catalog);
  const route = (
    path: string,
    summary: string,
    read: (session: PortalSession, context: RequestContext) => Promise<Reply>,
  ): Route =>
    onRedis({
      method: 'GET',
      path: `/portal/api/${path}`,
      scope: 'public',
      summary,
      hidden: true,
      handle: (context) => answer(async () => read(await sessionOf(sealer, catalog, context), context)),
    });
  return [
    route('summary', 'Plan, entitlements and live limits', async ({ customer, expiresAtMs }, context) => {
      context.parseQuery(noQuery);
      const { features } = await liveUsage(engine, customer.id);
      const expiresAt = new Date(expiresAtMs).toISOString();
      return answered({ customer: sheetOf(catalog, resolver, customer, now()), features, expiresAt });
    }),
    route('usage', 'Days of a month, per meter', async ({ customer }, context) => {
      const period = monthOf(context, customer, now());
      const meters = await daysOf(dependencies, customer, period);
      return answered({ period, timezone: customer.timezone, meters });
    }),
    route('usage.csv', 'Days of a month, per meter, as CSV', async ({ customer }, context) => {
      const period = monthOf(context, customer, now());
      const meters = await daysOf(dependencies, customer, period);
      const pages = meters.map(({ unit, rows }) => rows.map((row) => ({ ...row, unit })));
      return csvReply(`usage-${period}`, ['start', 'end', 'meter', 'value', 'unit'], pages);
    }),
    route('forecast', 'Expected use of each quota', async ({ customer }, context) => {
      context.parseQuery(noQuery);
      const request = { customer: customer.id, limit: FORECASTS_MAX, cursor: undefined };
      const { rows } = await forecastRows(clickhouse, catalog, request, now());
      return answered({ rows });
    }),
    route('invoice', 'Used, included and overage of each feature in a month', async ({ customer }, context) => {
      const period = monthOf(context, customer, now());
      return answered({ period, rows: await invoiceRows(dependencies, customer, period) });
    }),
  ];
}

const answered = (json: unknown): Reply => ({ status: 200, json, headers: { 'cache-control': 'no-store' } });

/** The month that is asked for, else the one the customer's calendar shows now. @throws WeirError `invalid_period` */
function monthOf(context: RequestContext, { timezone }: Customer, nowMs: number): string {
  const { period } = context.parseQuery(monthQuery);
  if (period !== undefined) return period;
  const parts = new Intl.DateTimeFormat('en', { timeZone: timezone, year: 'numeric', month: '2-digit' });
  const named = new Map(parts.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  return `${named.get('year') ?? ''}-${named.get('month') ?? ''}`;
}

interface MeterDays {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly rows: readonly UsageRow[];
}

/** The days of a month in the customer's zone, for each meter that a feature of the catalog charges. */
async function daysOf(
  { clickhouse, catalog }: PortalDependencies,
  customer: Customer,
  period: string,
): Promise<MeterDays[]> {
  const { timezone } = customer;
  const { startMs: fromMs, endMs: toMs } = monthPeriod(period, timezone);
  const ids = new Set([...catalog.features()].flatMap(({ meter }) => (meter === undefined ? [] : [meter])));
  const days: MeterDays[] = [];
  // One after the other: a customer's page must not take all that reports may ask at a time.
  for (const id of [...ids].slice(0, METERS_MAX)) {
    const meter = catalog.meter(id);
    if (meter === undefined) continue;
    const { rows } = await usageOverTime(clickhouse, catalog, {
      meter: id,
      customer: customer.id,
      fromMs,
      toMs,
      granularity: 'day',
      groupBy: [],
      filter: { filterNames: [], filterValues: [] },
      order: 'time',
      timezone,
      limit: DAYS_MAX,
      offset: 0,
    });
    days.push({ id, name: meter.name ?? id, unit: meter.unit ?? '', rows });
  }
  return days;
}

/** The utilization report of the one customer, without what no feature charges. */
async function invoiceRows({ clickhouse, catalog }: PortalDependencies, customer: Customer, period: string) {
  const request = { period, customer: customer.id, plan: undefined, after: '', limit: 1 };
  const rows: object[] = [];
  for await (const page of utilizationPages(clickhouse, catalog, request)) {
    for (const fact of page.facts) {
      if (fact.feature === '') continue;
      const { feature, meter, limit, included, used, overage } = utilizationRow(fact);
      const name = catalog.feature(fact.feature)?.name ?? feature;
      rows.push({ feature, name, meter, unit: catalog.meter(fact.meter)?.unit ?? '', limit, included, used, overage });
    }
  }
  return rows;
}
