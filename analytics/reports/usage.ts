import { z } from 'zod';
import { idSchema, isTimezone, type Meter, WeirError } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
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
import { isOnQuarters, type Period, partitionFrom, periodsBetween, toInstant } from './periods.js';

const rolledUp = loadQuery('usage');
const exact = loadQuery('usage-exact');

const ROWS_DEFAULT = 10_000;
const ROWS_MAX = 100_000;
/** Groups of one answer. */
const GROUPS_MAX = 8;

export const usageParameters = z.strictObject({
  meter: idSchema,
  customer: customerParameter,
  entity: entityParameter,
  from: instantParameter,
  to: instantParameter,
  granularity: z.enum(['hour', 'day', 'month']).default('day'),
  /** Names separated by commas: `customer`, `feature`, `entity`, or dimensions of the meter. */
  groupBy: z.string().max(1_024).optional(),
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
    if (!GROUP_FIELDS.has(name) && !(name in (meter.dimensions ?? {}))) {
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

/**
 * Usage of a meter over time, by when it happened. Periods without usage have a row of 0 where there are no groups.
 *
 * Sums come from the roll-up wherever it can answer; other aggregations, dimensions and odd boundaries from the facts.
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
  const summed = meter.aggregation === 'sum' || meter.aggregation === 'count';
  const byEntity = request.entity !== undefined || request.groupBy.includes('entity');
  const fromRollUp = summed && dimensions.length === 0 && !byEntity && isOnQuarters(periods);
  const customer = (await loadCustomers(catalog, request.entity === undefined ? [] : [request.customer])).get(
    request.customer,
  );
  const rows = await clickhouse.query(
    fromRollUp ? rolledUp : exact,
    {
      meter: meter.id,
      customer: request.customer,
      fromMs: request.fromMs,
      toMs: request.toMs,
      fromMonth: partitionFrom(request.fromMs),
      starts: periods.map((period) => period.startMs),
      byCustomer: request.groupBy.includes('customer'),
      byFeature: request.groupBy.includes('feature'),
      limit: request.limit + 1,
      offset: request.offset,
      ...(fromRollUp
        ? {}
        : {
            dimensions,
            ...entityFilter(customer, request.entity),
            aggregation: meter.aggregation,
            byEntity: request.groupBy.includes('entity'),
            // Where a meter of this aggregation keeps what it counts (engine/event-parts.ts).
            uniqueDimension: `unique:${meter.id}`,
          }),
    },
    rowSchema,
  );
  const ends = new Map(periods.map((period) => [period.startMs, period]));
  const shown = rows
    .slice(0, request.limit)
    .map((row) => toRow(row, meter, ends.get(row.startMs), request.groupBy, dimensions));
  if (rows.length > request.limit) return { rows: shown, nextCursor: encodeCursor([request.offset + request.limit]) };
  const ungrouped = request.groupBy.length === 0 && request.offset === 0;
  return { rows: ungrouped ? withEmptyPeriods(shown, periods, meter, summed) : shown };
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
