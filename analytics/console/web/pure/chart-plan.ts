import { NEVER_MS, type ResolvedWindow, type WindowBounds, windowAt } from '../../../../engine/limits/window.js';
import type { Granularity, Measure, Range } from './route.js';

/** What the chart of a feature shows, and what must be asked for it. */

export interface ChartQuestion {
  readonly range: Range;
  readonly by: Granularity;
  readonly measure: Measure;
  /** Of the quota that usage is held against; null where there is none. */
  readonly window: ResolvedWindow | null;
  /** The customer's; the window's own wins. */
  readonly timezone: string;
  /** False for a meter whose values do not add up over time. */
  readonly summed: boolean;
  readonly nowMs: number;
}

/** One call of `/v1/usage`. */
export interface UsageSpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly granularity: Granularity | 'month';
}

export interface ChartPlan {
  /** What is drawn, half-open; it may end in the future. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly by: Granularity;
  readonly measure: Measure;
  readonly timezone: string;
  /** Quota windows that reach into the span, in order; empty where usage is not held against a quota. */
  readonly windows: readonly WindowBounds[];
  /** Calls whose rows, one after another, are the periods. */
  readonly spans: readonly UsageSpan[];
  /** What the first window had used before the span begins; null where it begins with it. */
  readonly before: UsageSpan | null;
  /** Why there is no limit in the chart, though the feature has the quota; '' otherwise. */
  readonly note: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RANGE_MS: Readonly<Record<Exclude<Range, 'period'>, number>> = {
  '24h': DAY_MS,
  '7d': 7 * DAY_MS,
  '30d': 30 * DAY_MS,
};
/** `/v1/usage` answers up to 1,200 periods. */
const HOURS_MAX = 1_000;
/** A year of a window that never ends is enough to look at. */
const LIFETIME_SHOWN_MS = 365 * DAY_MS;
/** Up to this many windows each get a call of their own, whose first and last period are cut at the window's ends. */
const CALLS_MAX = 8;
/** Windows in one chart; more of them could not be told apart. */
const WINDOWS_MAX = 800;

export function planChart(question: ChartQuestion): ChartPlan {
  const { window, nowMs, summed } = question;
  const timezone = window?.timezone ?? question.timezone;
  const span = spanOf(question, timezone);
  const by = granularityOf(question, span);
  const untilMs = Math.min(span.toMs, endOfPeriod(nowMs, by, timezone));
  const base = { ...span, by, timezone };
  const single = [{ fromMs: span.fromMs, toMs: untilMs, granularity: by }];
  const alone = (note: string): ChartPlan => ({
    ...base,
    measure: 'each',
    windows: [],
    spans: single,
    before: null,
    note,
  });

  if (window === null) return alone('');
  if (!summed) return alone('This meter does not add up over time, so its limit is not drawn.');
  if (window.every === 'minute') return alone('This limit starts anew every minute: too often to be drawn here.');
  if (window.every === 'hour' && by === 'day')
    return alone('This limit starts anew every hour: choose hours to see it.');

  const windows = windowsBetween(window, span.fromMs, untilMs);
  const fits = windows.every(({ startMs }) => startMs < span.fromMs || isStart(startMs, by, timezone));
  if (question.measure === 'each') {
    // A limit of a day can be held against each day, and one of a month not.
    const comparable = window.every === by && fits;
    return { ...alone(''), windows: comparable ? windows : [] };
  }
  if (!fits && windows.length > CALLS_MAX) return alone('The windows of this limit do not fall on whole hours.');

  const [first] = windows;
  const before = first !== undefined && first.startMs < span.fromMs ? first.startMs : null;
  return {
    ...base,
    measure: 'total',
    windows,
    spans: fits
      ? single
      : windows.map(({ startMs, endMs }) => ({
          fromMs: Math.max(startMs, span.fromMs),
          toMs: Math.min(endMs, untilMs),
          granularity: by,
        })),
    before: before === null ? null : { fromMs: before, toMs: span.fromMs, granularity: 'month' },
    note: '',
  };
}

function spanOf({ range, by, window, nowMs }: ChartQuestion, timezone: string): { fromMs: number; toMs: number } {
  if (range === 'period' && window !== null && window.every !== 'minute' && window.every !== 'hour') {
    const { startMs, endMs } = windowAt(window, nowMs);
    if (endMs < NEVER_MS) return { fromMs: startMs, toMs: endMs };
    const toMs = endOfPeriod(nowMs, 'day', timezone);
    return { fromMs: startOfPeriod(toMs - LIFETIME_SHOWN_MS, 'day', timezone), toMs };
  }
  const lengthMs = RANGE_MS[range === 'period' ? '24h' : range];
  const unit = lengthMs === DAY_MS ? 'hour' : by;
  const toMs = endOfPeriod(nowMs, unit, timezone);
  return { fromMs: startOfPeriod(toMs - lengthMs, unit, timezone), toMs };
}

/** Hours or days, as asked where that can be drawn. */
function granularityOf(
  { by, measure, window, range }: ChartQuestion,
  span: { fromMs: number; toMs: number },
): Granularity {
  if (span.toMs - span.fromMs > HOURS_MAX * HOUR_MS) return 'day';
  if (range === '24h' || span.toMs - span.fromMs <= DAY_MS + HOUR_MS) return 'hour';
  // The running total of a day, day by day, would be a row of single points.
  const short = window?.every === 'day' || window?.every === 'hour';
  return measure === 'total' && short ? 'hour' : by;
}

function windowsBetween(window: ResolvedWindow, fromMs: number, toMs: number): WindowBounds[] {
  const windows: WindowBounds[] = [];
  for (let atMs = fromMs; atMs < toMs && windows.length < WINDOWS_MAX; ) {
    const bounds = windowAt(window, atMs);
    windows.push(bounds);
    atMs = bounds.endMs;
  }
  return windows;
}

/** Hours are local ones, as in `/v1/usage`: in a zone at :30 they begin at :30 UTC. */
function startOfPeriod(atMs: number, by: Granularity, timezone: string): number {
  const day = windowAt({ every: 'day', anchorMs: null, timezone }, atMs);
  if (by === 'day') return day.startMs;
  return day.startMs + Math.floor((atMs - day.startMs) / HOUR_MS) * HOUR_MS;
}

/** The end of the period that contains the instant. */
function endOfPeriod(atMs: number, by: Granularity, timezone: string): number {
  const day = windowAt({ every: 'day', anchorMs: null, timezone }, atMs);
  return by === 'day' ? day.endMs : Math.min(startOfPeriod(atMs, 'hour', timezone) + HOUR_MS, day.endMs);
}

const isStart = (atMs: number, by: Granularity, timezone: string): boolean =>
  startOfPeriod(atMs, by, timezone) === atMs;
