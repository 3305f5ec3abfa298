import { useEffect, useState } from 'preact/hooks';
import { type Overview, overview } from '../api/overview.js';
import { signals } from '../api/signals.js';
import { useResource } from '../hooks/use-resource.js';
import { LiveStatus } from '../parts/live-status.js';
import { Loaded } from '../parts/loaded.js';
import { Tile } from '../parts/tile.js';
import { formatAmount, formatMeasure, formatMs } from '../pure/format.js';
import { type RatePoint, withPoint } from '../pure/rate-history.js';
import { ACCOUNTS, CUSTOMERS, DENIALS, formatRoute, SIGNALS } from '../pure/route.js';
import { NearCard, SignalsCard } from './overview-cards.js';
import { Pipeline } from './pipeline.js';
import { TrafficFigure } from './traffic-figure.js';

const REFRESH_MS = 2_000;
const SIGNALS_MS = 30_000;
/** How far back the page remembers rates. */
export const HISTORY_MS = 5 * 60_000;
/** Signals that are counted: the highest scores are shown. */
const SIGNALS_MAX = 1_000;

/** The rates seen so far: kept while one looks at other pages. */
let history: readonly RatePoint[] = [];

/** The start page: whether all goes well, and where to look if it does not. */
export function OverviewPage() {
  const [paused, setPaused] = useState(false);
  const live = useResource('overview', overview, { everyMs: REFRESH_MS, paused });
  const open = useResource('signals', (signal) => signals({ state: 'open', limit: SIGNALS_MAX }, signal), {
    everyMs: SIGNALS_MS,
  });
  const [points, setPoints] = useState(history);
  useEffect(() => {
    if (live.data?.traffic == null) return;
    const { checksPerSecond, deniedPerSecond } = live.data.traffic;
    history = withPoint(
      history,
      { atMs: live.data.atMs, checks: checksPerSecond, denied: deniedPerSecond },
      HISTORY_MS,
    );
    setPoints(history);
  }, [live.data]);
  return (
    <>
      <div class="heading">
        <h1>Overview</h1>
        <LiveStatus
          updatedAtMs={live.updatedAtMs}
          paused={paused}
          failing={live.error !== undefined}
          onToggle={() => setPaused(!paused)}
        />
      </div>
      <Loaded resource={live} what="the overview" lines={8}>
        {(data) => (
          <>
            {data.problems.length > 0 && (
              <p class="stale" role="alert">
                {data.problems.join('. ')}. What depends on it is left out.
              </p>
            )}
            <Tiles data={data} openSignals={open.data == null ? null : open.data.rows.length} />
            <TrafficFigure traffic={data.traffic} points={points} />
            <Pipeline data={data} />
            <div class="columns">
              <NearCard near={data.nearLimits} />
              <SignalsCard resource={open} />
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}

function Tiles({ data, openSignals }: { data: Overview; openSignals: number | null }) {
  const { traffic, nearLimits, customers } = data;
  const latency = traffic?.latency ?? null;
  return (
    <div class="tiles">
      <Tile
        label="Checks a second"
        value={traffic === null ? '–' : formatMeasure(traffic.checksPerSecond)}
        href="#traffic-title"
      >
        {traffic === null ? 'unknown' : `${formatMeasure(traffic.eventsPerSecond)} events`}
      </Tile>
      <Tile
        label="Denied a second"
        value={traffic === null ? '–' : formatMeasure(traffic.deniedPerSecond)}
        href={formatRoute(DENIALS)}
      >
        {traffic === null || traffic.checksPerSecond === 0
          ? 'no checks now'
          : `${formatMeasure((traffic.deniedPerSecond * 100) / traffic.checksPerSecond)}% of checks`}
      </Tile>
      <Tile label="Latency p99" value={latency === null ? '–' : formatMs(latency.p99)} href="#traffic-title">
        {latency === null ? 'no checks now' : `half under ${formatMs(latency.p50)}`}
      </Tile>
      <Tile
        label="Near a limit"
        value={nearLimits === null ? '–' : `${formatAmount(String(nearLimits.limits))}${nearLimits.more ? '+' : ''}`}
        href={formatRoute(ACCOUNTS)}
        tone={nearLimits !== null && nearLimits.exhausted > 0 ? 'warn' : undefined}
      >
        {nearLimits === null ? 'being counted' : `${formatAmount(String(nearLimits.exhausted))} used up`}
      </Tile>
      <Tile
        label="Open signals"
        value={
          openSignals === null ? '–' : `${formatAmount(String(openSignals))}${openSignals >= SIGNALS_MAX ? '+' : ''}`
        }
        href={formatRoute(SIGNALS)}
      >
        upsell and churn
      </Tile>
      <Tile
        label="Customers"
        value={customers === null ? '–' : formatAmount(String(customers))}
        href={formatRoute(CUSTOMERS)}
      >
        catalog version {formatAmount(String(data.version))}
      </Tile>
    </div>
  );
}
