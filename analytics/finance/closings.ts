import { z } from 'zod';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { sumSchema } from '../reports/amounts.js';
import type { CustomerFilter } from '../reports/customer-pages.js';
import { type Figure, inOrder } from './figure.js';

const closingsQuery = loadQuery('finance-closings');
const frozenQuery = loadQuery('finance-frozen');
const bookedQuery = loadQuery('finance-booked');

/** Lines of one reading, at least: a customer's lines come together. */
const PAGE_LINES = 5_000;

/** A period whose figures are kept. */
export interface Closing {
  /** A calendar month, `2026-11`. */
  readonly period: string;
  readonly closing: string;
  readonly closedAtMs: number;
  readonly lines: number;
}

const closingSchema = z.object({
  period: z.string(),
  closing: z.string(),
  closedAtMs: z.coerce.number(),
  lines: z.coerce.number(),
});

/** Later than any closing, and still a DateTime64. */
const END_MS = Date.UTC(2200, 0, 1);

/**
 * Periods that were closed, in order: they are closed one after the other, without a gap.
 * @param asOfMs by this instant; undefined: by now.
 */
export async function readClosings(
  clickhouse: Pick<ClickHouse, 'query'>,
  asOfMs: number | undefined,
): Promise<Closing[]> {
  return await clickhouse.query(closingsQuery, { asOfMs: Math.min(asOfMs ?? END_MS, END_MS) }, closingSchema);
}

const instantSchema = z.coerce.number().transform((ms) => (ms < 0 ? null : ms));
const lineSchema = z.object({
  customer: z.string(),
  plan: z.string(),
  feature: z.string(),
  meter: z.string(),
  scale: z.number(),
  limit: z.string(),
  adjusts: z.string(),
  windowMs: instantSchema,
  windowEndMs: instantSchema,
  windows: z.coerce.number(),
  opening: sumSchema,
  included: sumSchema.nullable(),
  addons: sumSchema,
  used: sumSchema,
  voided: sumSchema,
  late: sumSchema,
  overage: sumSchema,
  closing: sumSchema,
  peakDay: z.string(),
  peakDayUsed: sumSchema,
  deniedCount: sumSchema,
  deniedAmount: sumSchema,
});

/** A line with the closed period that it corrects; '' for a line of the period itself. */
export interface BookedLine extends Figure {
  readonly adjusts: string;
}

/** The lines of a closing, some customers at a time, in order. */
export async function* frozenPages(
  clickhouse: Pick<ClickHouse, 'query'>,
  { closing }: Pick<Closing, 'closing'>,
  isAdjustment: boolean,
  filter: CustomerFilter,
): AsyncGenerator<BookedLine[]> {
  const { customer, plan = '' } = filter;
  for (let after = ''; ; ) {
    const parameters = { closing, isAdjustment, after, customer, plan, limit: PAGE_LINES };
    const lines = await clickhouse.query(frozenQuery, parameters, lineSchema);
    const last = lines.at(-1);
    if (last === undefined) return;
    yield lines.sort(inBookedOrder);
    if (lines.length < PAGE_LINES) return;
    after = last.customer;
  }
}

/** As all lines, and a line's corrections by the period that they correct. */
export const inBookedOrder = (left: BookedLine, right: BookedLine): number =>
  inOrder(left, right) || (left.adjusts < right.adjusts ? -1 : Number(left.adjusts > right.adjusts));

/** What is booked for some customers in a closed period: its lines with the corrections of all of these closings. */
export async function bookedLines(
  clickhouse: Pick<ClickHouse, 'query'>,
  closings: readonly Closing[],
  period: string,
  customers: readonly string[],
): Promise<Figure[]> {
  const parameters = { closings: closings.map(({ closing }) => closing), period, customers };
  return await clickhouse.query(bookedQuery, parameters, lineSchema);
}
