import { z } from 'zod';
import type { ClickHouse } from '../clickhouse.js';
import { asOf, loadQuery } from '../queries.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { type CustomerFilter, groupsByZone } from '../reports/customer-pages.js';
import { monthPeriod } from '../reports/periods.js';
import { catalogAsOf } from './catalog-as-of.js';
import { type BookedLine, bookedLines, type Closing, inBookedOrder } from './closings.js';
import { AMOUNTS, type Figure, figureKey } from './figure.js';
import { figuresOf } from './figures.js';

const correctedQuery = loadQuery('finance-corrected');
const monthsQuery = loadQuery('finance-months');

/** Customers of one round of queries. */
const PAGE_CUSTOMERS = 500;
const DAY_MS = 86_400_000;

const customerSchema = z.object({ customer: z.string() });
const monthSchema = z.object({ month: z.string() });

/** What happened before it is in the count of a closing: everything in the period, whichever the zone. */
export const countedBeforeMs = (period: string): number => monthPeriod(period).endMs + DAY_MS;

export interface AdjustmentRequest {
  readonly filter: CustomerFilter;
  /** Those that count, in order; not empty. */
  readonly closings: readonly Closing[];
  readonly asOfMs: number | undefined;
}

/**
 * What came for closed periods since they were closed: for each of their lines the difference between the ledger and
 * what is booked. Facts are only ever added, so whoever has as many as at the last closing has no corrections.
 */
export async function* adjustmentPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  { filter, closings, asOfMs }: AdjustmentRequest,
): AsyncGenerator<BookedLine[]> {
  const last = closings.at(-1);
  if (last === undefined) return;
  const beforeMs = countedBeforeMs(last.period);
  const closed = new Set(closings.map(({ period }) => period));
  for (let after = ''; ; ) {
    const customers = await correctedCustomers(clickhouse, { ...filter, after }, last, beforeMs, asOfMs);
    if (customers.length === 0) return;
    const months = await clickhouse.query(monthsQuery, { customers, beforeMs }, monthSchema);
    const lines: BookedLine[] = [];
    for (const { month } of months.filter((each) => closed.has(each.month))) {
      const live = await liveFigures(clickhouse, catalog, month, customers, asOfMs);
      const booked = await bookedLines(clickhouse, closings, month, customers);
      for (const line of differences(live, booked)) lines.push({ ...line, adjusts: month });
    }
    const { plan } = filter;
    const shown = lines.filter((line) => plan === undefined || line.plan === plan);
    yield shown.sort(inBookedOrder);
    if (customers.length < PAGE_CUSTOMERS) return;
    after = customers.at(-1) ?? '';
  }
}

async function correctedCustomers(
  clickhouse: Pick<ClickHouse, 'query'>,
  { customer, after }: Pick<CustomerFilter, 'customer'> & { readonly after: string },
  { closing }: Closing,
  beforeMs: number,
  asOfMs: number | undefined,
): Promise<string[]> {
  const booked = asOfMs === undefined ? correctedQuery : bookedBy(correctedQuery);
  const until = asOfMs === undefined ? {} : { asOfMs };
  const parameters = { customer, after, closing, beforeMs, limit: PAGE_CUSTOMERS, ...until };
  return (await clickhouse.query(booked, parameters, customerSchema)).map((row) => row.customer);
}

/** The query reads both ledgers, each with a column of its own. */
const bookedBy = (sql: string): string =>
  asOf(asOf(sql.replace('-- booked', '-- as of'), 'charged_at').replace('-- refused', '-- as of'), 'denied_at');

async function liveFigures(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  month: string,
  customers: readonly string[],
  asOfMs: number | undefined,
): Promise<Figure[]> {
  const then = await catalogAsOf(clickhouse, catalog, monthPeriod(month).endMs - 1);
  const figures: Figure[] = [];
  for (const group of await groupsByZone(then, customers, { plan: undefined, entity: undefined })) {
    figures.push(...(await figuresOf(clickhouse, then, month, group, asOfMs)));
  }
  return figures;
}

/** What each line has more (or less) than is booked; lines that are as they are booked are left out. */
export function differences(live: readonly Figure[], booked: readonly Figure[]): Figure[] {
  const bookedByKey = new Map(booked.map((line) => [figureKey(line), line]));
  const liveByKey = new Map(live.map((line) => [figureKey(line), line]));
  return [...new Set([...liveByKey.keys(), ...bookedByKey.keys()])].flatMap((key) => {
    const difference = differenceOf(liveByKey.get(key), bookedByKey.get(key));
    return difference === undefined ? [] : [difference];
  });
}

function differenceOf(live: Figure | undefined, booked: Figure | undefined): Figure | undefined {
  const shown = live ?? booked;
  if (shown === undefined) return undefined;
  const less = (name: (typeof AMOUNTS)[number]): bigint => (live?.[name] ?? 0n) - (booked?.[name] ?? 0n);
  const windows = (live?.windows ?? 0) - (booked?.windows ?? 0);
  if (windows === 0 && AMOUNTS.every((name) => less(name) === 0n)) return undefined;
  const amounts = Object.fromEntries(AMOUNTS.map((name) => [name, less(name)]));
  const included = shown.included === null ? null : less('included');
  return { ...shown, ...amounts, included, windows, peakDay: '', peakDayUsed: 0n };
}
