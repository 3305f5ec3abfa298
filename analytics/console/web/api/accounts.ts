import type { Fields } from './fields.js';
import { call, unlessMissing, withQuery } from './http.js';

/** A customer as the list of all has it. */
export interface Account {
  readonly customer: string;
  readonly name: string;
  readonly plan: string;
  readonly status: string;
}

export interface AccountsRequest {
  readonly text: string;
  readonly plan: string;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface AccountsPage {
  readonly rows: readonly Account[];
  readonly cursor: string | undefined;
}

/** Customers by id, found by a part of id or name. */
export function accounts(request: AccountsRequest, signal?: AbortSignal): Promise<AccountsPage> {
  return call(
    withQuery('/v1/reports/customers', { ...request }),
    (answer) => ({
      rows: answer.list('rows', (row) => ({
        customer: row.text('customer'),
        name: row.text('name'),
        plan: row.text('plan'),
        status: row.text('status'),
      })),
      cursor: answer.textOr('nextCursor', undefined),
    }),
    { signal },
  );
}

/** A fact: what one operation charged for one feature. */
export interface CustomerEvent {
  readonly atMs: number;
  readonly happenedMs: number;
  readonly entity: string | undefined;
  readonly feature: string | undefined;
  readonly meter: string;
  readonly amount: string;
  readonly kind: string;
  readonly late: boolean;
  readonly source: string;
  readonly id: string | undefined;
  readonly dimensions: readonly { readonly name: string; readonly value: string }[];
  readonly version: number;
}

export interface EventsRequest {
  readonly feature?: string | undefined;
  readonly limit: number;
}

export interface EventsPage {
  readonly rows: readonly CustomerEvent[];
  readonly cursor: string | undefined;
}

function readEvent(row: Fields): CustomerEvent {
  const dimensions = row.object('dimensions');
  return {
    atMs: row.instant('at'),
    happenedMs: row.instant('happenedAt'),
    entity: row.textOr('entity', undefined),
    feature: row.textOr('feature', undefined),
    meter: row.text('meter'),
    amount: row.amount('amount'),
    kind: row.text('kind'),
    late: row.flag('late'),
    source: row.text('source'),
    id: row.textOr('id', undefined),
    dimensions: dimensions.names().map((name) => ({ name, value: dimensions.text(name) })),
    version: row.number('version'),
  };
}

export const customerEventsPath = (customer: string, request: EventsRequest & { readonly format?: 'csv' }): string =>
  withQuery(`/v1/customers/${encodeURIComponent(customer)}/events`, { ...request });

/** What a customer was charged, newest first. */
export function customerEvents(customer: string, request: EventsRequest, signal?: AbortSignal): Promise<EventsPage> {
  return call(
    customerEventsPath(customer, request),
    (answer) => ({ rows: answer.list('rows', readEvent), cursor: answer.textOr('nextCursor', undefined) }),
    { signal },
  );
}

/** Where a quota is expected to stand at the end of its window. */
export interface Forecast {
  readonly feature: string;
  readonly limit: string;
  readonly windowEndMs: number | null;
  readonly included: string | null;
  readonly expected: string;
  readonly low: string;
  readonly high: string;
  /** When what is included is used up; null where it is not, or is already. */
  readonly reachesAtMs: number | null;
}

/** Null for a window that never ends, of which nothing is expected. */
export function readForecast(row: Fields): Forecast | null {
  if (!row.has('expected')) return null;
  const reachesAtMs = row.instantOrNull('reachesAt');
  return {
    feature: row.text('feature'),
    limit: row.text('limit'),
    windowEndMs: row.object('window').instantOrNull('end'),
    included: row.amountOrNull('included'),
    expected: row.amount('expected'),
    low: row.amount('low'),
    high: row.amount('high'),
    reachesAtMs: reachesAtMs !== null && reachesAtMs > row.instant('asOf') ? reachesAtMs : null,
  };
}

/** The forecasts of a customer; null where this Weir makes none. */
export function forecasts(customer: string, signal?: AbortSignal): Promise<readonly Forecast[] | null> {
  return unlessMissing(
    call(
      withQuery('/v1/forecasts', { customer }),
      (answer) => answer.list('rows', readForecast).filter((row) => row !== null),
      { signal },
    ),
  );
}

/** A threshold that was crossed. */
export interface Alert {
  readonly id: string;
  readonly atMs: number;
  readonly kind: string;
  readonly entity: string | undefined;
  readonly feature: string;
  readonly limit: string;
  /** Percent of what is included. */
  readonly threshold: number | null;
  readonly used: string | null;
  readonly included: string | null;
}

/** The newest alerts of a customer; null where this Weir sends none. */
export function alerts(customer: string, limit: number, signal?: AbortSignal): Promise<readonly Alert[] | null> {
  return unlessMissing(
    call(
      withQuery('/v1/alerts', { customer, limit }),
      (answer) =>
        answer.list('rows', (row) => ({
          id: row.text('id'),
          atMs: row.instant('at'),
          kind: row.text('kind'),
          entity: row.textOr('entity', undefined),
          feature: row.text('feature'),
          limit: row.text('limit'),
          threshold: row.numberOrNull('threshold'),
          used: row.amountOrNull('used'),
          included: row.amountOrNull('included'),
        })),
      { signal },
    ),
  );
}
