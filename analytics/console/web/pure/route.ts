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

export interface LostRoute {
  readonly view: 'lost';
}

export type Route = AccountsRoute | CustomerRoute | ChangesRoute | LostRoute;

export const ACCOUNTS: AccountsRoute = { view: 'accounts', threshold: 80, query: '', sorting: WORST_FIRST };

/** A customer's page as it opens. */
export function customerRoute(id: string, chart: Partial<Omit<CustomerRoute, 'view' | 'id'>> = {}): CustomerRoute {
  const byDefault = { feature: undefined, limit: undefined, range: 'period', by: 'day', measure: 'total' } as const;
  return { view: 'customer', id, ...byDefault, ...chart };
}

function oneOf<T extends string | number>(known: readonly T[], value: string | null, otherwise: T): T {
  return known.find((each) => String(each) === value) ?? otherwise;
}

/** `#/customers/acme?range=7d` → the route; every part that is not known falls back to its default. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?', 2);
  const query = new URLSearchParams(search);
  const [, section = '', id = ''] = path.split('/');
  if (section === '') {
    return {
      view: 'accounts',
      threshold: oneOf(THRESHOLDS, query.get('threshold'), ACCOUNTS.threshold),
      query: query.get('q') ?? '',
      sorting: {
        column: oneOf(SORT_COLUMNS, query.get('sort'), WORST_FIRST.column),
        descending: (query.get('order') ?? 'desc') === 'desc',
      },
    };
  }
  if (section === 'customers' && id !== '') {
    return customerRoute(decode(id), {
      feature: query.get('feature') ?? undefined,
      limit: query.get('limit') ?? undefined,
      range: oneOf(RANGES, query.get('range'), 'period'),
      by: oneOf(['hour', 'day'], query.get('by'), 'day'),
      measure: oneOf(['total', 'each'], query.get('measure'), 'total'),
    });
  }
  if (section === 'changes') {
    const version = Number(query.get('version') ?? Number.NaN);
    return { view: 'changes', version: Number.isSafeInteger(version) ? version : undefined };
  }
  return { view: 'lost' };
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
    case 'accounts':
      return withSearch('#/', {
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
