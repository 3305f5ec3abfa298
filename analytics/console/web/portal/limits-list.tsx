import type { Forecast } from '../api/accounts.js';
import type { CustomerSheet, LiveLimit, LiveState } from '../api/customers.js';
import { Bar } from '../parts/bar.js';
import { EmptyPanel } from '../parts/panels.js';
import { parseDecimal, percentOf } from '../pure/decimal.js';
import { formatAmount, formatInstant, formatPercent, pluralUnit } from '../pure/format.js';

interface LimitsListProps {
  readonly sheet: CustomerSheet;
  readonly limits: readonly LiveLimit[];
  readonly forecasts: readonly Forecast[];
}

/** What is left of every limit at this moment. */
export function LimitsList({ sheet, limits, forecasts }: LimitsListProps) {
  const shadows = new Set(
    sheet.features.flatMap(({ id, limits: terms }) =>
      terms.filter(({ shadow }) => shadow).map((each) => `${id}/${each.id}`),
    ),
  );
  const shown = limits.filter(({ feature, limit }) => !shadows.has(`${feature}/${limit}`));
  if (shown.length === 0) return <EmptyPanel title="Nothing limits your use" />;
  return (
    <ul class="portal-limits">
      {shown.map((each) => (
        <LimitCard
          key={`${each.feature}/${each.limit}`}
          sheet={sheet}
          live={each}
          forecast={forecasts.find(({ feature, limit }) => feature === each.feature && limit === each.limit)}
        />
      ))}
    </ul>
  );
}

interface LimitCardProps {
  readonly sheet: CustomerSheet;
  readonly live: LiveLimit;
  readonly forecast: Forecast | undefined;
}

function LimitCard({ sheet, live: { feature, limit, state }, forecast }: LimitCardProps) {
  const { name, meter } = sheet.features.find(({ id }) => id === feature) ?? { name: feature, meter: undefined };
  const { part, whole, text } = wordsOf(state);
  const percent = percentOf(parseDecimal(part), parseDecimal(whole)) ?? 0;
  const unit = state.kind === 'concurrency' ? '' : pluralUnit(meter?.unit ?? '', whole);
  return (
    <li class="card">
      <h3>
        {name} <span class="sub">{limit}</span>
      </h3>
      <p class="portal-share">
        {/* Much left of a bucket is no warning. */}
        <Bar percent={percent} {...(state.kind === 'bucket' ? { tone: 'quiet' } : {})} />
        <span>{formatPercent(percent)}</span>
      </p>
      <p>
        {formatAmount(part)} of {formatAmount(whole)} {unit} {text}
      </p>
      {state.kind === 'quota' && state.overage !== '0' && <p>{formatAmount(state.overage)} past what is included</p>}
      {state.kind === 'quota' && state.resetAtMs !== null && (
        <p class="sub">Begins anew on {formatInstant(state.resetAtMs, sheet.timezone)}</p>
      )}
      {forecast !== undefined && (
        <p class="sub">
          Expected by then: {formatAmount(forecast.expected)} ({formatAmount(forecast.low)} to{' '}
          {formatAmount(forecast.high)})
          {forecast.reachesAtMs !== null && `, used up on ${formatInstant(forecast.reachesAtMs, sheet.timezone)}`}
        </p>
      )}
    </li>
  );
}

/** What of a limit is taken, of how much, and what that is. */
function wordsOf(state: LiveState): { part: string; whole: string; text: string } {
  switch (state.kind) {
    case 'quota':
      return { part: state.used, whole: state.included, text: 'used' };
    case 'concurrency':
      return { part: state.inUse, whole: state.slots, text: 'in use' };
    case 'bucket':
      return { part: state.remaining, whole: state.capacity, text: 'available now' };
  }
}
