import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Traffic } from '../api/overview.js';
import type { LiveChartProps } from '../parts/live-chart.js';
import { formatMeasure, formatMs } from '../pure/format.js';
import type { RatePoint } from '../pure/rate-history.js';
import { DENIALS, formatRoute } from '../pure/route.js';
import { reasonText } from '../pure/words.js';
import { HISTORY_MS } from './overview.js';

/** Rates of the last minutes, and in words what they are now. */
export function TrafficFigure({ traffic, points }: { traffic: Traffic | null; points: readonly RatePoint[] }) {
  const Chart = useChart();
  return (
    <section aria-labelledby="traffic-title">
      <div class="heading">
        <h2 id="traffic-title" tabIndex={-1}>
          Traffic
        </h2>
        <p class="chart-foot chart-keys" aria-hidden="true">
          <span class="key key-used">Checks a second</span>
          <span class="key key-denied">Denied a second</span>
        </p>
      </div>
      <div class="chart-frame chart-frame-low">
        {Chart !== undefined && <Chart points={points} spanMs={HISTORY_MS} />}
      </div>
      {traffic !== null && <TrafficWords traffic={traffic} />}
    </section>
  );
}

function TrafficWords({ traffic }: { traffic: Traffic }) {
  const { latency, deniedByReason, degradedPerSecond, failuresPerSecond, rejectedEventsPerSecond } = traffic;
  return (
    <ul class="facts" aria-label="Traffic now">
      {latency !== null && (
        <li>
          Latency: p50 <strong>{formatMs(latency.p50)}</strong>, p95 <strong>{formatMs(latency.p95)}</strong>, p99{' '}
          <strong>{formatMs(latency.p99)}</strong>
        </li>
      )}
      {deniedByReason.map(({ reason, perSecond }) => (
        <li key={reason}>
          <a href={formatRoute({ ...DENIALS, reason })}>{reasonText(reason)}</a>{' '}
          <strong>{formatMeasure(perSecond)}</strong> a second
        </li>
      ))}
      {degradedPerSecond > 0 && (
        <li class="tone-text-warn">
          Decided without Redis: <strong>{formatMeasure(degradedPerSecond)}</strong> a second
        </li>
      )}
      {rejectedEventsPerSecond > 0 && (
        <li class="tone-text-warn">
          Events rejected: <strong>{formatMeasure(rejectedEventsPerSecond)}</strong> a second
        </li>
      )}
      {failuresPerSecond > 0 && (
        <li class="tone-text-bad">
          Requests failed: <strong>{formatMeasure(failuresPerSecond)}</strong> a second
        </li>
      )}
    </ul>
  );
}

/** uPlot is the larger part of all scripts: it comes when a chart is first looked at. */
function useChart(): ComponentType<LiveChartProps> | undefined {
  const [loaded, setLoaded] = useState<{ readonly Chart: ComponentType<LiveChartProps> }>();
  useEffect(() => {
    let gone = false;
    import('../parts/live-chart.js').then(({ LiveChart }) => {
      if (!gone) setLoaded({ Chart: LiveChart });
    });
    return () => {
      gone = true;
    };
  }, []);
  return loaded?.Chart;
}
