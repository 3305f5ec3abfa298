import type uPlot from 'uplot';
import { usePlot } from '../hooks/use-plot.js';
import 'uplot/dist/uPlot.min.css';
import { formatMeasure } from '../pure/format.js';
import type { RatePoint } from '../pure/rate-history.js';

export interface LiveChartProps {
  readonly points: readonly RatePoint[];
  /** How far back the chart reaches. */
  readonly spanMs: number;
}

const HEIGHT_PX = 200;
const SPAN_MS_MIN = 60_000;

/** Rates of the last minutes as a picture: what it says is beside it as text, so it is hidden from screen readers. */
export function LiveChart(props: LiveChartProps) {
  const host = usePlot({
    ...{ props, heightPx: HEIGHT_PX, optionsOf, dataOf },
    remakeOn: [],
    redrawOn: [props.points],
  });
  return <div class="chart" ref={host} aria-hidden="true" />;
}

const dataOf = ({ points }: LiveChartProps): uPlot.AlignedData => [
  points.map(({ atMs }) => atMs / 1_000),
  points.map(({ checks }) => checks),
  points.map(({ denied }) => denied),
];

function optionsOf(element: HTMLElement, latest: { readonly current: LiveChartProps }): uPlot.Options {
  const color = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim();
  const axis = {
    font: `12px ${getComputedStyle(element).fontFamily}`,
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1, size: 4 },
  };
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const series = { points: { show: false }, width: 2, spanGaps: false } as const;
  return {
    width: Math.max(200, element.clientWidth),
    height: HEIGHT_PX,
    padding: [12, 30, 0, 0],
    legend: { show: false },
    scales: {
      x: {
        time: true,
        range: () => {
          const { points, spanMs } = latest.current;
          const endMs = points.at(-1)?.atMs ?? Date.now();
          // It fills up from a minute on, so that the first points are not a sliver at its edge.
          const knownMs = endMs - (points[0]?.atMs ?? endMs);
          const shownMs = Math.min(spanMs, Math.max(SPAN_MS_MIN, knownMs));
          return [(endMs - shownMs) / 1_000, endMs / 1_000];
        },
      },
      y: { range: (_, __, max) => [0, (max ?? 0) > 0 ? max * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 34,
        space: 90,
        grid: { show: false },
        values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1_000)),
      },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => formatMeasure(tick)) },
    ],
    cursor: { show: false },
    series: [
      {},
      { ...series, stroke: color('--accent'), fill: color('--accent-soft') },
      { ...series, stroke: color('--bad') },
    ],
  };
}
