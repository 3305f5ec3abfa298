import { z } from 'zod';
import { idSchema, isTimezone, type Meter, WeirError } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { byUtcDay, loadQuery } from '../queries.js';
import { formatSum, sumSchema } from './amounts.js';
import { entityFilter, loadCustomers, type ReportCatalog } from './catalog.js';
import { encodeCursor } from './output.js';
import {
  cursorParameter,
  customerParameter,
  entityParameter,
  formatParameter,
  instantParameter,
  limitParameter,
} from './parameters.js';
import { isOnQuarters, isOnUtcDays, type Period, partitionFrom, periodsBetween, toInstant } from './periods.js';

const byQuarter = loadQuery('usage');
const byDay = byUtcDay(byQuarter);
const byDimensions = loadQuery('usage-dimensions');
const exact = loadQuery('usage-exact');

const ROWS_DEFAULT = 10_000;
const ROWS_MAX = 100_000;
/** Groups of one answer. */
const GROUPS_MAX = 8;
/** Values of all filters of one question. */
const FILTER_VALUES_MAX = 100;

const filterValueSchema = z.string().max(1_024);
const filterSchema = z.record(idSchema, z.union([filterValueSchema, z.array(filterValueSchema).min(1)]));

export const usageParameters = z.strictObject({
  meter: idSchema,
  customer: customerParameter,
  entity: entityParameter,
  from: instantParameter,
  to: instantParameter,
  granularity: z.enum(['hour', 'day', 'month']).default('day'),
  /** Names separated by commas: `customer`, `feature`, `entity`, or dimensions of the meter. */
  groupBy: z.string().max(1_024).optional(),
  /** JSON: a dimension's name → the value, or the values, that it must have. */
  filter: z.string().max(16_384).optional(),
  /** `value`: the largest values first; else by time and groups. */
  order: z.enum(['time', 'value']).default('time'),
  timezone: z.string().max(64).refine(isTimezone, 'must be an IANA time zone such as Europe/Berlin').default('UTC'),
  format: formatParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

/** Reads the place that a usage cursor carries: how many rows came before. */
export const offsetCursor = (place: unknown): number => z.tuple([z.int().min(0)]).parse(place)[0];

const rowSchema = z.object({
  startMs: z.coerce.number(),
  customer: z.string(),
  features: z.array(z.string()),
  dimensions: z.array(z.string()),
  amount: sumSchema,
  facts: sumSchema,
});

/** Pairs of a dimension and a value, in two lists: of each dimension that is named, one of its values must be there. */
export interface UsageFilter {
  readonly filterNames: readonly string[];
  readonly filterValues: readonly string[];
}

export interface UsageRequest {
  readonly meter: string;
  /** '' for all. */
  readonly customer: string;
  /** Of the customer: its use and that of those below it. */
  readonly entity?: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly granularity: 'hour' | 'day' | 'month';
  readonly groupBy: readonly string[];
  readonly filter: UsageFilter;
  readonly order: 'time' | 'value';
  readonly timezone: string;
  readonly limit: number;
  readonly offset: number;
}

export interface UsageRow {
  readonly start: string;
  readonly end: string;
  readonly meter: string;
  readonly value: number | string | null;
  /** Values of the groups, by their names. */
  readonly [group: string]: string | number | null;
}

const GROUP_FIELDS = new Set(['customer', 'feature', 'entity']);

/** Names of groups, checked against the meter. @throws WeirError `invalid_request` for one that it does not have. */
export function parseGroups(text: string | undefined, meter: Meter): string[] {
  const groups = (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (groups.length > GROUPS_MAX) throw new WeirError('too_many_items', `at most ${GROUPS_MAX} groups`);
  for (const name of groups) {
    if (!GROUP_FIELDS.has(name) && !Object.hasOwn(meter.dimensions ?? {}, name)) {
      throw new WeirError(
        'invalid_request',
        `groupBy: the meter ${meter.id} has no dimension ${JSON.stringify(name)}`,
        {
          field: 'groupBy',
        },
      );
    }
  }
  return [...new Set(groups)];
}

/** The filter of a question, checked against the meter. @throws WeirError `invalid_request`, `too_many_items`. */
export function parseFilter(text: string | undefined, meter: Meter): UsageFilter {
  const pairs = Object.entries(text === undefined ? {} : readFilter(text)).flatMap(([name, values]) =>
    [values].flat().map((value) => ({ name, value })),
  );
  if (pairs.length > FILTER_VALUES_MAX) throw new WeirError('too_many_items', `at most ${FILTER_VALUES_MAX} values`);
  for (const { name } of pairs) {
    if (Object.hasOwn(meter.dimensions ?? {}, name)) continue;
    const what = `filter: the meter ${meter.id} has no dimension ${JSON.stringify(name)}`;
    throw new WeirError('invalid_request', what, { field: 'filter' });
  }
  return { filterNames: pairs.map(({ name }) => name), filterValues: pairs.map(({ value }) => value) };
}

function readFilter(text: string): z.output<typeof filterSchema> {
  try {
    return filterSchema.parse(JSON.parse(text));
  } catch {
    throw new WeirError('invalid_request', 'filter is JSON such as {"model":["small","large"]}', { field: 'filter' });
  }
}

/**
 * Usage of a meter over time, by when it happened. Periods without usage have a row of 0 where there are no groups.
 *
 * Sums come from a roll-up wherever one can answer; other aggregations, entities, a customer's dimensions and odd
 * boundaries from the facts.
 * @throws WeirError `unknown_meter`, `invalid_period`.
 */
export async function usageOverTime(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  request: UsageRequest,
): Promise<{ rows: UsageRow[]; nextCursor?: string }> {
  const meter = catalog.meter(request.meter);
  if (meter === undefined) throw new WeirError('unknown_meter', JSON.stringify(request.meter), { field: 'meter' });
  const periods = periodsBetween(request.fromMs, request.toMs, request.granularity, request.timezone);
  const dimensions = request.groupBy.filter((name) => !GROUP_FIELDS.has(name));
  const summed = isSummed(meter);
  const customer = (await loadCustomers(catalog, request.entity === undefined ? [] : [request.customer])).get(
    request.customer,
  );
  const rows = await clickhouse.query(
    textOf(request, meter, periods, dimensions),
    {
      meter: meter.id,
      customer: request.customer,
      fromMs: request.fromMs,
      toMs: request.toMs,
      fromMonth: partitionFrom(request.fromMs),
      starts: periods.map((period) => period.startMs),
      byCustomer: request.groupBy.includes('customer'),
      byFeature: request.groupBy.includes('feature'),
      byEntity: request.groupBy.includes('entity'),
      limit: request.limit + 1,
      offset: request.offset,
      byValue: request.order === 'value',
      dimensions,
      ...request.filter,
      ...entityFilter(customer, request.entity),
      aggregation: meter.aggregation,
      // Where a meter of this aggregation keeps what it counts (engine/event-parts.ts).
      uniqueDimension: `unique:${meter.id}`,
    },
    rowSchema,
  );
  const ends = new Map(periods.map((period) => [period.startMs, period]));
  const shown = rows
    .slice(0, request.limit)
    .map((row) => toRow(row, meter, ends.get(row.startMs), request.groupBy, dimensions));
  if (rows.length > request.limit) return { rows: shown, nextCursor: encodeCursor([request.offset + request.limit]) };
  const ungrouped = request.groupBy.length === 0 && request.offset === 0 && request.order === 'time';
  return { rows: ungrouped ? withEmptyPeriods(shown, periods, meter, summed) : shown };
}

const isSummed = ({ aggregation }: Meter): boolean => aggregation === 'sum' || aggregation === 'count';

/** The question that answers with the least to read. */
function textOf(
  { groupBy, customer, entity, filter }: UsageRequest,
  meter: Meter,
  periods: readonly Period[],
  dimensions: readonly string[],
): string {
  if (!isSummed(meter) || entity !== undefined || groupBy.includes('entity') || !isOnQuarters(periods)) return exact;
  if (dimensions.length === 0 && filter.filterNames.length === 0) return isOnUtcDays(periods) ? byDay : byQuarter;
  const ofEveryone = customer === '' && groupBy.every((name) => dimensions.includes(name));
  return ofEveryone ? byDimensions : exact;
}

function toRow(
  row: z.output<typeof rowSchema>,
  meter: Meter,
  period: Period | undefined,
  groups: readonly string[],
  dimensions: readonly string[],
): UsageRow {
  const values: Record<string, string> = {};
  for (const name of groups) {
    if (name === 'customer') values[name] = row.customer;
    else if (name === 'feature') values[name] = row.features[0] ?? '';
    else if (name === 'entity') values[name] = row.features[1] ?? '';
    else values[name] = row.dimensions[dimensions.indexOf(name)] ?? '';
  }
  return {
    start: toInstant(row.startMs),
    end: toInstant(period?.endMs ?? row.startMs),
    meter: meter.id,
    ...values,
    value: shownValue(row, meter),
  };
}

function shownValue(row: z.output<typeof rowSchema>, meter: Meter): number | string {
  if (meter.aggregation === 'unique') return formatSum(row.amount, 0);
  if (meter.aggregation !== 'average') return formatSum(row.amount, meter.scale);
  return Number(row.amount) / Number(row.facts) / 10 ** meter.scale;
}

/** A period in which nothing was used sums to 0; other aggregations have no value there. */
function withEmptyPeriods(
  rows: readonly UsageRow[],
  periods: readonly Period[],
  meter: Meter,
  summed: boolean,
): UsageRow[] {
  const byStart = new Map(rows.map((row) => [row.start, row]));
  return periods.map(({ startMs, endMs }) => {
    const start = toInstant(startMs);
    const empty = { start, end: toInstant(endMs), meter: meter.id, value: summed ? formatSum(0n, meter.scale) : null };
    return byStart.get(start) ?? empty;
  });
}
