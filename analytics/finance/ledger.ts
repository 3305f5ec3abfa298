import { z } from 'zod';
import type { ClickHouse } from '../clickhouse.js';
import { asOf, byUtcDay, loadQuery } from '../queries.js';
import { sumSchema } from '../reports/amounts.js';
import type { LimitSpan } from './limits.js';

const windowsQuery = loadQuery('finance-windows');
const outsideQuery = loadQuery('finance-outside');
const lateQuery = loadQuery('finance-late');
const deniedQuery = loadQuery('finance-denied');

const keySchema = { customer: z.string(), feature: z.string(), meter: z.string() };

const windowSchema = z.object({
  ...keySchema,
  limitId: z.string(),
  windowMs: z.coerce.number(),
  isShort: z.union([z.boolean(), z.number()]).transform(Boolean),
  windows: z.coerce.number(),
  /** In the period. */
  facts: z.coerce.number(),
  before: sumSchema,
  charged: sumSchema,
  voided: sumSchema,
  included: sumSchema,
  overage: sumSchema,
  peakDay: z.string(),
  peakDayUsed: sumSchema,
});
export type WindowRow = z.output<typeof windowSchema>;

const outsideSchema = z.object({
  ...keySchema,
  charged: sumSchema,
  voided: sumSchema,
  peakDay: z.string(),
  peakDayUsed: sumSchema,
});
export type OutsideRow = z.output<typeof outsideSchema>;

const lateSchema = z.object({
  ...keySchema,
  atMs: z.coerce.number(),
  limitIds: z.array(z.string()),
  amount: sumSchema,
});
export type LateRow = z.output<typeof lateSchema>;

const deniedSchema = z.object({
  ...keySchema,
  atMs: z.coerce.number(),
  deniedBy: z.array(z.string()),
  count: sumSchema,
  amount: sumSchema,
  limitIds: z.array(z.string()),
  limitIncluded: z.array(sumSchema),
});
export type DeniedRow = z.output<typeof deniedSchema>;

export interface LedgerRequest extends LimitSpan {
  readonly customers: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly fromMonth: string;
  readonly historyMonth: string;
  readonly timezone: string;
  readonly asOfMs: number | undefined;
}

/** What the ledger has of some customers of one zone in a period. */
export async function readLedger(clickhouse: Pick<ClickHouse, 'query'>, request: LedgerRequest) {
  const { customers, fromMs, toMs, fromMonth, historyMs, historyMonth, timezone, asOfMs } = request;
  const booked = (sql: string, column: 'charged_at' | 'denied_at' = 'charged_at'): string =>
    asOfMs === undefined ? sql : asOf(sql, column);
  const rolledUp = (sql: string): string => booked(timezone === 'UTC' ? byUtcDay(sql) : sql);
  const until = asOfMs === undefined ? {} : { asOfMs };
  const span = { customers, fromMs, toMs, ...until };
  const { ownLimits, shortLimits, stepMs } = request;
  const [windows, outside, late, denied] = await Promise.all([
    clickhouse.query(
      rolledUp(windowsQuery),
      { ...span, historyMs, historyMonth, timezone, ownLimits, shortLimits },
      windowSchema,
    ),
    clickhouse.query(rolledUp(outsideQuery), { ...span, fromMonth, timezone, ownLimits }, outsideSchema),
    clickhouse.query(booked(lateQuery), { ...span, fromMonth, stepMs }, lateSchema),
    clickhouse.query(booked(deniedQuery, 'denied_at'), { ...span, stepMs }, deniedSchema),
  ]);
  return { windows, outside, late, denied };
}
