import { useRef, useState } from 'preact/hooks';
import { type Forecast, forecasts } from '../api/accounts.js';
import { type CustomerSheet, customerSheet, type LiveLimit, liveLimits } from '../api/customers.js';
import { type Resource, useResource } from '../hooks/use-resource.js';
import { LiveStatus } from '../parts/live-status.js';
import { Loaded } from '../parts/loaded.js';
import { EmptyPanel, ErrorPanel, Skeleton } from '../parts/panels.js';
import { ACCOUNTS, type CustomerRoute, formatRoute } from '../pure/route.js';
import { worstLimit } from '../pure/worst-limit.js';
import { CustomerHead } from './customer-head.js';
import { DenialsSection } from './denials-section.js';
import { EventsSection } from './events-section.js';
import { AlertsSection, AuditSection, SignalsSection } from './history-sections.js';
import { LimitsTable } from './limits-table.js';
import { MonthSection } from './month-section.js';
import { UsageSection } from './usage-section.js';

const LIVE_MS = 5_000;
/** Forecasts are made anew by the hour. */
const FORECAST_MS = 300_000;
/** Terms change by an order or an edit, not by usage. */
const SHEET_MS = 60_000;

export function CustomerPage({ route }: { route: CustomerRoute }) {
  const { id } = route;
  const { data: sheet, error, reload } = useResource(id, (signal) => customerSheet(id, signal), { everyMs: SHEET_MS });

  if (sheet === undefined && error?.code === 'unknown_customer') {
    return (
      <EmptyPanel title={`There is no customer “${id}”`}>
        <p>It may have been removed, or be spelled otherwise.</p>
        <p>
          <a href={formatRoute(ACCOUNTS)}>Accounts near their limits</a>
        </p>
      </EmptyPanel>
    );
  }
  if (sheet === undefined) {
    return error === undefined ? (
      <Skeleton lines={12} />
    ) : (
      <ErrorPanel title={`“${id}” did not come`} message={error.message} onRetry={reload} />
    );
  }
  return <Known sheet={sheet} route={route} />;
}

function Known({ sheet, route }: { sheet: CustomerSheet; route: CustomerRoute }) {
  const [paused, setPaused] = useState(false);
  const live = useResource(sheet.id, (signal) => liveLimits(sheet.id, signal), { everyMs: LIVE_MS, paused });
  const expected = useResource(sheet.id, (signal) => forecasts(sheet.id, signal), { everyMs: FORECAST_MS });
  // Chosen once: a chart must not change its subject while one looks at it.
  const worst = useRef<ReturnType<typeof worstLimit>>(undefined);
  if (worst.current === undefined && live.data !== undefined) worst.current = worstLimit(live.data);
  const charted = route.feature === undefined ? { ...route, ...worst.current } : route;
  const ready = route.feature !== undefined || live.data !== undefined || live.error !== undefined;
  return (
    <>
      <CustomerHead sheet={sheet} />
      <SignalsSection sheet={sheet} />
      <LimitsSection
        sheet={sheet}
        route={charted}
        live={live}
        forecasts={expected.data ?? []}
        paused={paused}
        onPause={setPaused}
      />
      {ready && <UsageSection sheet={sheet} route={charted} forecasts={expected.data ?? []} />}
      <MonthSection sheet={sheet} />
      <DenialsSection sheet={sheet} />
      <EventsSection sheet={sheet} />
      <AlertsSection sheet={sheet} />
      <AuditSection sheet={sheet} />
    </>
  );
}

interface LimitsSectionProps {
  readonly sheet: CustomerSheet;
  readonly route: CustomerRoute;
  readonly live: Resource<readonly LiveLimit[]>;
  readonly forecasts: readonly Forecast[];
  readonly paused: boolean;
  onPause(paused: boolean): void;
}

function LimitsSection({ sheet, route, live, forecasts, paused, onPause }: LimitsSectionProps) {
  return (
    <section aria-labelledby="limits-title">
      <div class="heading">
        <h2 id="limits-title">Limits now</h2>
        <LiveStatus
          updatedAtMs={live.updatedAtMs}
          paused={paused}
          failing={live.error !== undefined}
          onToggle={() => onPause(!paused)}
        />
      </div>
      <Loaded resource={live} what="the counters" lines={4}>
        {(data) =>
          data.length === 0 ? (
            <EmptyPanel title="Nothing limits this customer">
              <p>Its plan and add-ons have no limits.</p>
            </EmptyPanel>
          ) : (
            <LimitsTable sheet={sheet} limits={data} forecasts={forecasts} route={route} />
          )
        }
      </Loaded>
    </section>
  );
}
