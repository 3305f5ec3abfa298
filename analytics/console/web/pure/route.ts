import { SORT_COLUMNS, type Sorting, WORST_FIRST } from './near-rows.js';

/** Where in the console one is. All of it stands in the address, so that a view can be sent to a colleague. */

export const THRESHOLDS = [50, 80, 90, 100] as const;
export type Threshold = (typeof THRESHOLDS)[number];
export const RANGES = ['24h', '7d', '30d', 'period'] as const;
export type Range = (typeof RANGES)[number];
export type Granularity = 'hour' | 'day';
export type Measure = 'total' | 'each';

export interface AccountsRoute {
  readonly view: 'accounts';
  readonly threshold: Threshold;
  readonly query: string;
  readonly sorting: Sorting;
}

export interface CustomerRoute {
  readonly view: 'customer';
  readonly id: string;
  /** The limit that the chart shows; undefined: the first one. */
  readonly feature: string | undefined;
  readonly limit: string | undefined;
  readonly range: Range;
  readonly by: Granularity;
  /** The running total of a window, or each hour or day by itself. */
  readonly measure: Measure;
}

export interface ChangesRoute {
  readonly view: 'changes';
  /** The version to look at; undefined: the newest. */
  readonly version: number | undefined;
}

export interface OverviewRoute {
  readonly view: 'overview';
}

/** All customers, found by a part of id or name, or by plan. */
export interface CustomersRoute {
  readonly view: 'customers';
  readonly query: string;
  /** '' for all. */
  readonly plan: string;
}

export interface PlansRoute {
  readonly view: 'plans';
}

export const KINDS = ['all', 'upsell', 'churn'] as const;
export const STATES = ['open', 'snoozed', 'done'] as const;

export interface SignalsRoute {
  readonly view: 'signals';
  readonly kind: (typeof KINDS)[number];
  readonly state: (typeof STATES)[number];
}

export interface DenialsRoute {
  readonly view: 'denials';
  /** '' for all. */
  readonly reason: string;
}

export interface FinanceRoute {
  readonly view: 'finance';
  /** Such as `2026-10`; undefined: this month. */
  readonly period: string | undefined;
  /** '' for all, also of plans. */
  readonly customer: string;
  readonly plan: string;
}

export interface LostRoute {
  readonly view: 'lost';
}

export type Route =
  | OverviewRoute
  | AccountsRoute
  | CustomersRoute
  | CustomerRoute
  | PlansRoute
  | SignalsRoute
  | DenialsRoute
  | FinanceRoute
  | ChangesRoute
  | LostRoute;

export const OVERVIEW: OverviewRoute = { view: 'overview' };
export const CUSTOMERS: CustomersRoute = { view: 'customers', query: '', plan: '' };
export const PLANS: PlansRoute = { view: 'plans' };
export const SIGNALS: SignalsRoute = { view: 'signals', kind: 'all', state: 'open' };
export const DENIALS: DenialsRoute = { view: 'denials', reason: '' };
export const FINANCE: FinanceRoute = { view: 'finance', period: undefined, customer: '', plan: '' };

export const ACCOUNTS: AccountsRoute = { view: 'accounts', threshold: 80, query: '', sorting: WORST_FIRST };

/** A customer's page as it opens. */
export function customerRoute(id: string, chart: Partial<Omit<CustomerRoute, 'view' | 'id'>> = {}): CustomerRoute {
  const byDefault = { feature: undefined, limit: undefined, range: 'period', by: 'day', measure: 'total' } as const;
  return { view: 'customer', id, ...byDefault, ...chart };
}

function oneOf<T extends string | number>(known: readonly T[], value: string | null, otherwise: T): T {
  return known.find((each) => String(each) === value) ?? otherwise;
}

const PERIOD = /^\d{4}-(0[1-9]|1[0-2])$/;

/** `#/customers/acme?range=7d` → the route; every part that is not known falls back to its default. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?', 2);
  const query = new URLSearchParams(search);
  const [, section = '', id = ''] = path.split('/');
  switch (section) {
    case '':
      return OVERVIEW;
    case 'accounts':
      return {
        view: 'accounts',
        threshold: oneOf(THRESHOLDS, query.get('threshold'), ACCOUNTS.threshold),
        query: query.get('q') ?? '',
        sorting: {
          column: oneOf(SORT_COLUMNS, query.get('sort'), WORST_FIRST.column),
          descending: (query.get('order') ?? 'desc') === 'desc',
        },
      };
    case 'customers':
      if (id === '') return { ...CUSTOMERS, query: query.get('q') ?? '', plan: query.get('plan') ?? '' };
      return customerRoute(decode(id), {
        feature: query.get('feature') ?? undefined,
        limit: query.get('limit') ?? undefined,
        range: oneOf(RANGES, query.get('range'), 'period'),
        by: oneOf(['hour', 'day'], query.get('by'), 'day'),
        measure: oneOf(['total', 'each'], query.get('measure'), 'total'),
      });
    case 'plans':
      return PLANS;
    case 'signals':
      return {
        view: 'signals',
        kind: oneOf(KINDS, query.get('kind'), SIGNALS.kind),
        state: oneOf(STATES, query.get('state'), SIGNALS.state),
      };
    case 'denials':
      return { view: 'denials', reason: query.get('reason') ?? '' };
    case 'finance':
      return {
        view: 'finance',
        period: PERIOD.test(query.get('period') ?? '') ? (query.get('period') ?? undefined) : undefined,
        customer: query.get('customer') ?? '',
        plan: query.get('plan') ?? '',
      };
    case 'changes': {
      const version = Number(query.get('version') ?? Number.NaN);
      return { view: 'changes', version: Number.isSafeInteger(version) ? version : undefined };
    }
    default:
      return { view: 'lost' };
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a route, as short as it can be: defaults are left out. */
export function formatRoute(route: Route): string {
  switch (route.view) {
    case 'overview':
      return '#/';
    case 'customers':
      return withSearch('#/customers', { q: route.query || undefined, plan: route.plan || undefined });
    case 'plans':
      return '#/plans';
    case 'signals':
      return withSearch('#/signals', {
        kind: route.kind === SIGNALS.kind ? undefined : route.kind,
        state: route.state === SIGNALS.state ? undefined : route.state,
      });
    case 'denials':
      return withSearch('#/denials', { reason: route.reason || undefined });
    case 'finance':
      return withSearch('#/finance', {
        period: route.period,
        customer: route.customer || undefined,
        plan: route.plan || undefined,
      });
    case 'accounts':
      return withSearch('#/accounts', {
        threshold: route.threshold === ACCOUNTS.threshold ? undefined : String(route.threshold),
        q: route.query === '' ? undefined : route.query,
        sort: route.sorting.column === WORST_FIRST.column ? undefined : route.sorting.column,
        order: route.sorting.descending ? undefined : 'asc',
      });
    case 'customer':
      return withSearch(`#/customers/${encodeURIComponent(route.id)}`, {
        feature: route.feature,
        limit: route.limit,
        range: route.range === 'period' ? undefined : route.range,
        by: route.by === 'day' ? undefined : route.by,
        measure: route.measure === 'total' ? undefined : route.measure,
      });
    case 'changes':
      return withSearch('#/changes', { version: route.version === undefined ? undefined : String(route.version) });
    case 'lost':
      return '#/';
  }
}

function withSearch(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}
