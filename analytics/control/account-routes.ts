import { z } from 'zod';
import { assertCustomer, type Route } from '../../ingest/http/index.js';
import { Remembered } from '../overview/remembered.js';
import { CUSTOMER_EVENTS_COLUMNS, customerEventRows, customerEventsParameters } from '../reports/customer-events.js';
import {
  type CustomerListSources,
  customerListParameters,
  customerListSchema,
  customerRows,
} from '../reports/customer-list.js';
import { rangeOf } from '../reports/parameters.js';
import { plansReport, plansSchema } from '../reports/plans.js';
import { answer } from './answer.js';
import { operatorOnly } from './operator.js';
import type { ReportDependencies } from './report-routes.js';
import { rowsReply } from './rows-reply.js';

/** Days that a customer's facts look back when no `from` is given. */
const EVENTS_DAYS = 30;
/** The distribution reads the windows of all customers. */
const PLANS_MS = 15_000;

const noQuery = z.strictObject({});

interface AccountDependencies extends ReportDependencies, CustomerListSources {
  readonly clickhouse: ReportDependencies['clickhouse'];
}

/** What the console asks about accounts: all of them, those of a plan, and one's facts. */
export function accountRoutes({ clickhouse, catalog, registry, now = Date.now }: AccountDependencies): Route[] {
  const plans = new Remembered(() => plansReport(clickhouse, catalog, now()), PLANS_MS, now);
  return [
    {
      method: 'GET',
      path: '/v1/customers/:id/events',
      scope: 'read',
      summary: 'What a customer was charged, newest first: a row for each fact, with what its limits stood at.',
      query: customerEventsParameters,
      handle: (context) =>
        answer(async () => {
          const customer = context.params.id ?? '';
          assertCustomer(context.key, customer);
          const { feature, from, to, limit, cursor } = context.parseQuery(customerEventsParameters);
          const result = await customerEventRows(clickhouse, catalog, {
            ...rangeOf(from, to, EVENTS_DAYS, now()),
            customer,
            feature: feature ?? '',
            limit,
            cursor,
          });
          return rowsReply(context, clickhouse, 'events', CUSTOMER_EVENTS_COLUMNS, result);
        }),
    },
    operatorOnly({
      method: 'GET',
      path: '/v1/reports/plans',
      scope: 'read',
      summary: 'Plans: how many customers each has, and how far they have used its quotas.',
      query: noQuery,
      response: plansSchema,
      handle: (context) =>
        answer(async () => {
          context.parseQuery(noQuery);
          return { status: 200, json: await plans.get() };
        }),
    }),
    operatorOnly({
      method: 'GET',
      path: '/v1/reports/customers',
      scope: 'read',
      summary: 'Customers by id, found by a part of id or name, or by plan.',
      query: customerListParameters,
      response: customerListSchema,
      handle: (context) =>
        answer(async () => ({
          status: 200,
          json: await customerRows({ clickhouse, registry }, context.parseQuery(customerListParameters)),
        })),
    }),
  ];
}
