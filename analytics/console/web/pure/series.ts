import type { WindowBounds } from '../../../../engine/limits/window.js';
import type { UsagePeriod } from '../api/reports.js';
import type { ChartPlan } from './chart-plan.js';
import { add, compare, type Decimal, decimalNumber, parseDecimal, ZERO } from './decimal.js';

/** One hour or day: what was used in it, and what its window had used by its end. */
export interface ChartRow {
  readonly startMs: number;
  readonly endMs: number;
  readonly used: Decimal;
  /** Null where no running total is shown. */
  readonly total: Decimal | null;
}

/** What is drawn: points in order of time, each with the row that it tells of. */
export interface ChartPoints {
  readonly xMs: readonly number[];
  readonly y: readonly number[];
  readonly rows: readonly (ChartRow | null)[];
}

export interface ChartSeries {
  readonly rows: readonly ChartRow[];
  readonly points: ChartPoints;
  /** Used in the window that contains now, or in the whole span where there is no running total. */
  readonly sum: Decimal;
  /** The hour or day with the most usage; undefined where there was none. */
  readonly peak: ChartRow | undefined;
}

/** @param before what the first window had used before the first period. */
export function buildSeries(
  plan: ChartPlan,
  periods: readonly UsagePeriod[],
  before: readonly UsagePeriod[],
  nowMs: number,
): ChartSeries {
  const shown = periods.filter((period) => period.startMs <= nowMs);
  const base = sumOf(before);
  const rows = plan.measure === 'total' ? totals(plan.windows, shown, base) : shown.map(plainRow);
  const points = plan.measure === 'total' ? linePoints(plan, rows, base, nowMs) : barPoints(rows);
  const last = rows.at(-1);
  const sum = plan.measure === 'total' ? (last?.total ?? base) : sumOf(shown);
  return { rows, points, sum, peak: peakOf(rows) };
}

const sumOf = (periods: readonly UsagePeriod[]): Decimal =>
  periods.reduce((sum, period) => add(sum, parseDecimal(period.value)), ZERO);

const plainRow = ({ startMs, endMs, value }: UsagePeriod): ChartRow => ({
  startMs,
  endMs,
  used: parseDecimal(value),
  total: null,
});

function totals(windows: readonly WindowBounds[], periods: readonly UsagePeriod[], base: Decimal): ChartRow[] {
  let index = 0;
  let total = base;
  return periods.map((period) => {
    const row = plainRow(period);
    while (index + 1 < windows.length && period.startMs >= (windows[index]?.endMs ?? 0)) {
      index += 1;
      total = ZERO;
    }
    total = add(total, row.used);
    return { ...row, total };
  });
}

/** A line that climbs to each period's end, and falls to 0 where a window ends. */
function linePoints(plan: ChartPlan, rows: readonly ChartRow[], base: Decimal, nowMs: number): ChartPoints {
  const xMs: number[] = [];
  const y: number[] = [];
  const of: (ChartRow | null)[] = [];
  const push = (atMs: number, value: number, row: ChartRow | null): void => {
    // Two points at one instant could not be told apart under the pointer.
    const last = xMs.at(-1);
    xMs.push(last !== undefined && atMs <= last ? last + 1 : atMs);
    y.push(value);
    of.push(row);
  };
  const starts = new Set(plan.windows.map((window) => window.startMs));
  rows.forEach((row, index) => {
    if (index === 0) push(row.startMs, starts.has(row.startMs) ? 0 : decimalNumber(base), null);
    else if (starts.has(row.startMs)) push(row.startMs, 0, null);
    push(Math.min(row.endMs, Math.max(nowMs, row.startMs)), decimalNumber(row.total ?? row.used), row);
  });
  return { xMs, y, rows: of };
}

function barPoints(rows: readonly ChartRow[]): ChartPoints {
  return { xMs: rows.map((row) => row.startMs), y: rows.map((row) => decimalNumber(row.used)), rows };
}

function peakOf(rows: readonly ChartRow[]): ChartRow | undefined {
  let peak: ChartRow | undefined;
  for (const row of rows) {
    if (compare(row.used, peak?.used ?? ZERO) > 0) peak = row;
  }
  return peak;
}
