import uPlot from 'uplot';
import { usePlot } from '../hooks/use-plot.js';
import 'uplot/dist/uPlot.min.css';
import type { ForecastBand } from '../pure/forecast-band.js';
import { formatCompact } from '../pure/format.js';
import type { ChartPoints, ChartRow } from '../pure/series.js';

export interface UsageChartProps {
  readonly points: ChartPoints;
  readonly fromMs: number;
  readonly toMs: number;
  readonly shape: 'line' | 'bars';
  /** What is included, as a line across; null for none. */
  readonly included: number | null;
  /** Where requests are denied, when that is not what is included. */
  readonly hard: number | null;
  /** Where the running total is expected to be at the end of the span; null for none. */
  readonly forecast: ForecastBand | null;
  readonly timezone: string;
  /** The row under the pointer, null when it leaves. */
  onPoint(row: ChartRow | null): void;
}

const HEIGHT_PX = 280;

/** The picture alone: what it says is beside it as text and as a table, so it is hidden from screen readers. */
export function UsageChart(props: UsageChartProps) {
  const { points, fromMs, toMs, shape, included, hard, forecast, timezone } = props;
  const host = usePlot({
    ...{ props, heightPx: HEIGHT_PX, optionsOf, dataOf },
    remakeOn: [shape, timezone, included === null, hard === null, forecast === null],
    redrawOn: [points, fromMs, toMs, included, hard, forecast],
  });
  return <div class="chart" ref={host} aria-hidden="true" />;
}

/** Points, and behind them the ends of the span, so that the lines of the limits reach across all of it. */
function dataOf({ points, fromMs, toMs, included, hard, forecast }: UsageChartProps): uPlot.AlignedData {
  const x = points.xMs.map((ms) => ms / 1_000);
  const y: (number | null)[] = [...points.y];
  const last = points.xMs.at(-1) ?? fromMs;
  if (points.xMs.length === 0 || (points.xMs[0] ?? fromMs) > fromMs) {
    x.unshift(fromMs / 1_000);
    y.unshift(null);
  }
  if (last < toMs) {
    x.push(toMs / 1_000);
    y.push(null);
  }
  // From where the line ends to the end of the span: two points each, and a straight way between them.
  const origin = y.findLastIndex((value) => value !== null);
  const ahead = (end: number | undefined): (number | null)[] =>
    x.map((_, index) =>
      end === undefined || origin < 0
        ? null
        : index === origin
          ? (y[origin] ?? null)
          : index === x.length - 1
            ? end
            : null,
    );
  return [
    x,
    y,
    x.map(() => included),
    x.map(() => hard),
    ahead(forecast?.expected),
    ahead(forecast?.low),
    ahead(forecast?.high),
  ];
}

/** The row of a point of `dataOf`. */
function rowAt({ points, fromMs }: UsageChartProps, index: number): ChartRow | null {
  const shifted = points.xMs.length === 0 || (points.xMs[0] ?? fromMs) > fromMs ? 1 : 0;
  return points.rows[index - shifted] ?? null;
}

function optionsOf(element: HTMLElement, latest: { readonly current: UsageChartProps }): uPlot.Options {
  const { shape, timezone } = latest.current;
  const color = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim();
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = {
    font,
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1, size: 4 },
  };
  const bars = uPlot.paths.bars?.({ align: 1, size: [0.86, 48], radius: 0.12 });
  const straight = { points: { show: false }, width: 1.5, spanGaps: true } as const;
  return {
    width: Math.max(200, element.clientWidth),
    height: HEIGHT_PX,
    padding: [12, 26, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), timezone),
    scales: {
      x: { time: true, range: () => [latest.current.fromMs / 1_000, latest.current.toMs / 1_000] },
      y: { range: (_, __, max) => [0, (max ?? 0) > 0 ? max * 1.06 : 1] },
    },
    axes: [
      { ...axis, size: 34, grid: { show: false }, values: timeLabels(timezone) },
      {
        ...axis,
        size: 56,
        values: (_, ticks) => ticks.map((tick) => (tick % 1 === 0 || tick < 1 ? formatCompact(tick) : '')),
      },
    ],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    series: [
      {},
      {
        stroke: color('--accent'),
        fill: shape === 'bars' ? color('--accent') : color('--accent-soft'),
        width: shape === 'bars' ? 0 : 2,
        points: { show: false },
        ...(shape === 'bars' && bars !== undefined ? { paths: bars } : {}),
      },
      { ...straight, stroke: color('--limit'), dash: [6, 4] },
      { ...straight, stroke: color('--bad'), dash: [2, 3] },
      { ...straight, stroke: color('--accent'), dash: [4, 4] },
      { ...straight, width: 0, stroke: color('--accent-soft') },
      { ...straight, width: 0, stroke: color('--accent-soft') },
    ],
    bands: [{ series: [6, 5], fill: color('--accent-soft') }],
    hooks: {
      setCursor: [
        (chart) => {
          const { idx } = chart.cursor;
          latest.current.onPoint(idx === null || idx === undefined ? null : rowAt(latest.current, idx));
        },
      ],
    },
  };
}

const DAY_S = 86_400;

/** Days where ticks are days apart, else hours with the day where it begins. */
function timeLabels(
  timezone: string,
): (plot: uPlot, ticks: number[], axis: number, space: number, step: number) => string[] {
  const day = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, day: 'numeric', month: 'short' });
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' });
  return (_, ticks, __, ___, step) =>
    ticks.map((seconds) => {
      const date = new Date(seconds * 1_000);
      if (step >= DAY_S) return day.format(date);
      const text = time.format(date);
      return text === '00:00' ? day.format(date) : text;
    });
}
