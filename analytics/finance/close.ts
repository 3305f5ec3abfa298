import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { monthPeriod, toInstant } from '../reports/periods.js';
import { countedBeforeMs } from './adjustments.js';
import { catalogAsOf } from './catalog-as-of.js';
import { type BookedLine, type Closing, readClosings } from './closings.js';
import { monthAfter, openPages } from './report.js';

const countQuery = loadQuery('finance-count');
const firstMonthQuery = loadQuery('finance-first-month');

const DAY_MS = 86_400_000;

const monthSchema = z.object({ month: z.string() });

/**
 * Closes the next month, if its time has come: months are closed in order, from the first one in which something was
 * booked, `closeDays` days after each ended in UTC.
 * @returns undefined when there is none to close yet.
 */
export async function closeNextMonth(
  clickhouse: Pick<ClickHouse, 'query' | 'command' | 'insertRows'>,
  catalog: ReportCatalog,
  closeDays: number,
  nowMs: number,
): Promise<Closing | undefined> {
  const closings = await readClosings(clickhouse, undefined);
  const last = closings.at(-1);
  const next = last === undefined ? await firstMonth(clickhouse) : monthAfter(last.period);
  if (next === undefined || monthPeriod(next).endMs + closeDays * DAY_MS > nowMs) return undefined;
  return await closeMonth(clickhouse, catalog, next, closings, nowMs);
}

async function firstMonth(clickhouse: Pick<ClickHouse, 'query'>): Promise<string | undefined> {
  return (await clickhouse.query(firstMonthQuery, {}, monthSchema))[0]?.month;
}

/**
 * Keeps the lines of a month as they are now.
 *
 * 1. counts: how much each customer has in the ledger. Dead or failed: rows under a closing that does not exist.
 * 2. lines: what comes in between is in them or not; either way the counts miss it, so that it is looked at again.
 * 3. the closing itself: from here on the lines count. Where another process closed the month meanwhile, the first one does.
 */
async function closeMonth(
  clickhouse: Pick<ClickHouse, 'query' | 'command' | 'insertRows'>,
  catalog: ReportCatalog,
  period: string,
  closings: readonly Closing[],
  nowMs: number,
): Promise<Closing> {
  const closing = randomUUID();
  await clickhouse.command(countQuery, { closing, beforeMs: countedBeforeMs(period) });
  const then = await catalogAsOf(clickhouse, catalog, monthPeriod(period).endMs - 1);
  const request = { period, customer: '', plan: undefined, asOfMs: undefined };
  let lines = 0;
  for await (const page of openPages(clickhouse, then, request, closings)) {
    if (page.length === 0) continue;
    await clickhouse.insertRows(
      'finance_lines',
      page.map((line) => ({ period, closing, ...columnsOf(line) })),
    );
    lines += page.length;
  }
  await clickhouse.insertRows('finance_closings', [
    { period, closing, closed_at: toInstant(nowMs).slice(0, -1), lines },
  ]);
  return { period, closing, closedAtMs: nowMs, lines };
}

function columnsOf(line: BookedLine): Record<string, unknown> {
  return {
    adjusts: line.adjusts,
    customer: line.customer,
    plan: line.plan,
    feature: line.feature,
    meter: line.meter,
    scale: line.scale,
    limit_id: line.limit,
    window_ms: line.windowMs ?? -1,
    window_end_ms: line.windowEndMs ?? -1,
    windows: line.windows,
    opening: String(line.opening),
    included: line.included === null ? null : String(line.included),
    addons: String(line.addons),
    used: String(line.used),
    voided: String(line.voided),
    late: String(line.late),
    overage: String(line.overage),
    closing_balance: String(line.closing),
    peak_day: line.peakDay,
    peak_day_used: String(line.peakDayUsed),
    denied_count: String(line.deniedCount),
    denied_amount: String(line.deniedAmount),
  };
}
