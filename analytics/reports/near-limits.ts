import { z } from 'zod';
import { type CatalogView, type Customer, idSchema } from '../../engine/index.js';
import { type Every, NEVER_MS, resolveWindow, windowAt } from '../../engine/limits/window.js';
import type { ClickHouse } from '../clickhouse.js';
import { readForecasts } from '../forecast/forecast-table.js';
import { loadQuery } from '../queries.js';
import { formatSum, percentOf, sumSchema } from './amounts.js';
import { loadCustomers, quotaNamed, type ReportCatalog, scaleOf } from './catalog.js';
import { decodeCursor, encodeCursor } from './output.js';
import { cursorParameter, customerParameter, formatParameter, limitParameter } from './parameters.js';
import type { Columns } from './parquet.js';
import { toInstant } from './periods.js';

const currentWindows = loadQuery('current-windows');

const ROWS_DEFAULT = 100;
const ROWS_MAX = 10_000;
/** Rows of one reading: more than are shown, since windows that are over and limits that are gone fall out only here. */
const READ_ROWS_MIN = 5_000;
/** Readings for one answer; what they did not reach comes by the cursor. */
const READINGS_MAX = 20;
/** Forecasts of one answer's customers, of all their limits. */
const FORECASTS_MAX = 100_000;
const DAY_MS = 24 * 3_600_000;
/** A window that is current began within so many days: as long as it can be, and a day for changes of the clock. */
const DAYS_BACK: Readonly<Record<Every, number>> = {
  minute: 2,
  hour: 2,
  day: 2,
  week: 8,
  month: 32,
  year: 367,
  // Begins with 1970, which is read in any case.
  lifetime: 0,
};

export const nearLimitsParameters = z.strictObject({
  /** Percent of what is included. */
  threshold: z
    .string()
    .regex(/^\d{1,4}(\.\d{1,2})?$/, 'must be a percentage such as 80')
    .transform(Number)
    .default(80),
  customer: customerParameter,
  plan: idSchema.optional(),
  feature: idSchema.optional(),
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

const rowSchema = z.object({
  customer: z.string(),
  feature: z.string(),
  meter: z.string(),
  limitId: z.string(),
  windowStartMs: z.coerce.number(),
  used: sumSchema,
  parts: sumSchema,
});

const placeSchema = z.tuple([sumSchema, z.string(), z.string(), z.string()]);
type Place = z.output<typeof placeSchema>;
/** Before any row. */
const START: Place = [2n ** 126n, '', '', ''];

export const NEAR_LIMITS_COLUMNS = {
  customer: 'text',
  plan: 'text',
  feature: 'text',
  meter: 'text',
  limit: 'text',
  included: 'amount',
  used: 'amount',
  remaining: 'amount',
  percent: 'percent',
  windowStart: 'instant',
  windowEnd: 'instant',
  daysLeft: 'percent',
  expected: 'amount',
  reachesAt: 'instant',
} as const satisfies Columns;
export type NearLimitsRow = Readonly<Record<keyof typeof NEAR_LIMITS_COLUMNS, string | number | null>>;

export interface NearLimitsRequest {
  readonly threshold: number;
  /** '' for all. */
  readonly customer: string;
  readonly plan: string | undefined;
  readonly feature: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** The catalog of now, whose plans and add-ons can be gone through. */
export type CurrentCatalog = ReportCatalog & Pick<CatalogView, 'plans' | 'addons'>;

/** A row before its forecast is looked up. */
interface Found {
  readonly shown: Omit<NearLimitsRow, 'expected' | 'reachesAt'>;
  readonly key: string;
  readonly customer: string;
  readonly scale: number;
}

/**
 * Quotas, customers' own and their entities' (`entity/limit`), that are used to at least `threshold` percent in their
 * current window. Judged by the catalog as it is now; pages come in the order of what was included at the last charge,
 * the most used first, and each is sorted by what it shows. `expected` and `reachesAt` are the last forecast's, where there
 * is one of this window.
 */
export async function nearLimits(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: CurrentCatalog,
  request: NearLimitsRequest,
  nowMs: number,
): Promise<{ rows: NearLimitsRow[]; nextCursor?: string }> {
  let place = decodeCursor(request.cursor, (read) => placeSchema.parse(read)) ?? START;
  const starts = earliestStarts(catalog, nowMs);
  const size = Math.max(READ_ROWS_MIN, request.limit + 1);
  const found: Found[] = [];
  const answer = async (more?: Place) => {
    const rows = worstFirst(await withForecasts(clickhouse, found, nowMs));
    return more === undefined ? { rows } : { rows, nextCursor: encodePlace(more) };
  };
  for (let readings = 1; ; readings++) {
    const read = await readAfter(clickhouse, request, place, size, starts);
    const customers = await loadCustomers(
      catalog,
      read.map((row) => row.customer),
    );
    for (const row of read) {
      const customer = customers.get(row.customer);
      const near = customer && toRow(catalog, customer, row, request, nowMs);
      if (near === undefined) continue;
      if (found.length === request.limit) return answer(place);
      found.push(near);
      place = [row.parts, row.customer, row.feature, row.limitId];
    }
    const last = read.at(-1);
    if (last === undefined || read.length < size) return answer();
    place = [last.parts, last.customer, last.feature, last.limitId];
    if (readings === READINGS_MAX) return answer(place);
  }
}

/** Since when windows that are current may have begun: by the limit's name where plans and add-ons have it, else at all. */
interface EarliestStarts {
  readonly names: readonly string[];
  readonly namedFromMs: readonly number[];
  readonly fromMs: number;
}

/** Entities' limits are named `entity/limit`, so that no name of a plan or an add-on is one of them. */
function earliestStarts(catalog: CurrentCatalog, nowMs: number): EarliestStarts {
  const startMs = (every: Every): number => Math.max(1, nowMs - DAYS_BACK[every] * DAY_MS);
  const fromMs = startMs('year');
  const named = new Map([['', fromMs]]);
  for (const { features } of [...catalog.plans(), ...catalog.addons()]) {
    for (const grant of Object.values(features)) {
      for (const limit of typeof grant === 'object' ? grant.limits : []) {
        if (limit.kind !== 'quota') continue;
        named.set(limit.id, Math.min(named.get(limit.id) ?? nowMs, startMs(limit.window.every)));
      }
    }
  }
  return { names: [...named.keys()], namedFromMs: [...named.values()], fromMs };
}

type CurrentWindow = z.output<typeof rowSchema>;

function readAfter(
  clickhouse: Pick<ClickHouse, 'query'>,
  { customer, threshold }: NearLimitsRequest,
  [parts, afterCustomer, afterFeature, afterLimit]: Place,
  limit: number,
  starts: EarliestStarts,
): Promise<CurrentWindow[]> {
  const after = { afterParts: String(parts), afterCustomer, afterFeature, afterLimit };
  const parameters = { customer, thresholdHundredths: hundredths(threshold), limit };
  return clickhouse.query(currentWindows, { ...parameters, ...starts, ...after }, rowSchema);
}

const encodePlace = ([parts, ...rest]: Place): string => encodeCursor([String(parts), ...rest]);

const hundredths = (percent: number): number => Math.round(percent * 100);

const worstFirst = (rows: readonly NearLimitsRow[]): NearLimitsRow[] =>
  [...rows].sort((left, right) => Number(right.percent) - Number(left.percent));

/** By the catalog as it is now: a limit that was raised since the last charge may no longer be near. */
function toRow(
  catalog: ReportCatalog,
  customer: Customer,
  row: CurrentWindow,
  { threshold, plan, feature }: NearLimitsRequest,
  nowMs: number,
): Found | undefined {
  if (plan !== undefined && customer.plan !== plan) return undefined;
  if (feature !== undefined && row.feature !== feature) return undefined;
  const quota = quotaNamed(catalog, customer, row.feature, row.limitId, nowMs);
  if (quota === undefined) return undefined;
  const window = windowAt(resolveWindow(quota.limit.window, customer), nowMs);
  if (window.startMs !== row.windowStartMs) return undefined;
  const included = BigInt(quota.included);
  const percent = percentOf(row.used, included);
  if (percent === null || row.used * 10_000n < included * BigInt(hundredths(threshold))) return undefined;
  const scale = scaleOf(catalog, row.meter);
  const ends = window.endMs < NEVER_MS;
  const shown = {
    customer: row.customer,
    plan: customer.plan,
    feature: row.feature,
    meter: row.meter,
    limit: row.limitId,
    included: formatSum(included, scale),
    used: formatSum(row.used, scale),
    remaining: formatSum(included > row.used ? included - row.used : 0n, scale),
    percent,
    windowStart: toInstant(window.startMs),
    windowEnd: ends ? toInstant(window.endMs) : null,
    daysLeft: ends ? Math.round((window.endMs - nowMs) / (DAY_MS / 100)) / 100 : null,
  };
  return { shown, key: windowKey(row), customer: row.customer, scale };
}

const windowKey = (row: Pick<CurrentWindow, 'customer' | 'feature' | 'limitId' | 'windowStartMs'>): string =>
  JSON.stringify([row.customer, row.feature, row.limitId, row.windowStartMs]);

async function withForecasts(
  clickhouse: Pick<ClickHouse, 'query'>,
  found: readonly Found[],
  nowMs: number,
): Promise<NearLimitsRow[]> {
  if (found.length === 0) return [];
  const customers = [...new Set(found.map(({ customer }) => customer))];
  const selection = { customer: '', customers, after: ['', '', ''], limit: FORECASTS_MAX, nowMs } as const;
  const forecasts = new Map((await readForecasts(clickhouse, selection)).map((row) => [windowKey(row), row]));
  return found.map(({ shown, key, scale }) => {
    const { expected = null, reachesAtMs = null } = forecasts.get(key) ?? {};
    return {
      ...shown,
      expected: expected === null ? null : formatSum(BigInt(expected), scale),
      reachesAt: reachesAtMs === null ? null : toInstant(reachesAtMs),
    };
  });
}
