import { z } from 'zod';
import { windowAt } from '../../../engine/limits/window.js';
import type { RequestContext, Route } from '../../../ingest/http/index.js';
import { customerEventsParameters } from '../../reports/customer-events.js';
import { customerListParameters } from '../../reports/customer-list.js';
import { ACME_MONTH } from './fixture-data.js';
import {
  accountRows,
  alertRows,
  eventRows,
  type FixtureSignal,
  financeRows,
  forecastRows,
  overviewAnswer,
  plansAnswer,
} from './fixture-pages.js';

export interface PagesState {
  /** What the inbox holds; changed as the console changes it. */
  signals: FixtureSignal[];
  /** Parts that this Weir does not have: their routes answer 404. */
  readonly missing: Set<string>;
  /** How often the finance report has its customers: enough makes a long one. */
  financeCopies: number;
  /** What the overview cannot reach. */
  problems: string[];
}

/** What the pages over all accounts ask, with made-up numbers. */
export function pageRoutesOf(
  state: PagesState,
  answer: (path: string, handle: (context: RequestContext) => unknown) => Route,
  notFound: () => Error,
): Route[] {
  let round = 0;
  const unlessMissing = (path: string, handle: (context: RequestContext) => unknown): Route =>
    answer(path, (context) => {
      if (state.missing.has(path)) throw notFound();
      return handle(context);
    });
  const own = (context: RequestContext): boolean => context.query.get('customer') === 'acme';
  const routes: Route[] = [
    answer('/v1/overview', () => {
      round += 1;
      return { ...overviewAnswer(Date.now(), round), problems: state.problems };
    }),
    answer('/v1/reports/plans', () => plansAnswer()),
    answer('/v1/reports/customers', (context) => {
      const { text = '', plan, limit, cursor } = context.parseQuery(customerListParameters);
      const found = accountRows().filter(
        (row) =>
          (plan === undefined || row.plan === plan) &&
          `${row.customer} ${row.name}`.toLowerCase().includes(text.toLowerCase()),
      );
      const from = Number(cursor ?? 0);
      const more = found.length > from + limit ? { nextCursor: String(from + limit) } : {};
      return { rows: found.slice(from, from + limit), ...more };
    }),
    answer('/v1/customers/:id/events', (context) => {
      const { limit } = context.parseQuery(customerEventsParameters);
      const rows = context.params.id === 'acme' ? eventRows(Date.now()) : [];
      return { rows: rows.slice(0, limit), ...(rows.length > limit ? { nextCursor: 'more' } : {}) };
    }),
    unlessMissing('/v1/forecasts', (context) => {
      const nowMs = Date.now();
      return { rows: own(context) ? forecastRows(windowAt(ACME_MONTH, nowMs).endMs, nowMs) : [] };
    }),
    unlessMissing('/v1/alerts', (context) => ({ rows: own(context) ? alertRows(Date.now()) : [] })),
    unlessMissing('/v1/signals', (context) => {
      const is = (name: 'kind' | 'state' | 'customer', row: FixtureSignal): boolean =>
        (context.query.get(name) ?? row[name]) === row[name];
      return { rows: state.signals.filter((row) => is('kind', row) && is('state', row) && is('customer', row)) };
    }),
    unlessMissing('/v1/reports/finance', (context) => {
      const [period, customer, plan] = ['period', 'customer', 'plan'].map((name) => context.query.get(name));
      const rows = financeRows(period ?? '', state.financeCopies).filter(
        (row) => (customer ?? row.customer) === row.customer && (plan ?? row.plan) === row.plan,
      );
      const used = rows.reduce((sum, row) => sum + Number(row.used), 0);
      return { rows, totals: { rows: rows.length, limits: [{ feature: 'chat', limit: 'monthly', used, overage: 0 }] } };
    }),
  ];
  return [
    ...routes,
    {
      method: 'ANY',
      path: '/v1/signals/:id',
      scope: 'admin',
      summary: 'A fixture',
      async handle(context) {
        const change = await context.json(
          z.strictObject({ state: z.enum(['open', 'snoozed', 'done']), until: z.iso.datetime().optional() }),
        );
        const row = state.signals.find(({ id }) => id === context.params.id);
        if (row === undefined || context.method !== 'PATCH') throw notFound();
        row.state = change.state;
        row.snoozedUntil = change.until ?? null;
        return { status: 200, json: row };
      },
    },
  ];
}
