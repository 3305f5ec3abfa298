import type { Forecast } from '../api/accounts.js';
import type {
  BucketState,
  CustomerSheet,
  LimitTerms,
  LiveLimit,
  QuotaState,
  SheetFeature,
  SlotState,
} from '../api/customers.js';
import { Bar, Share } from '../parts/bar.js';
import { parseDecimal, percentOf } from '../pure/decimal.js';
import { formatAmount, formatCompact, formatInstant, formatRefill, formatTimeLeft } from '../pure/format.js';
import { customerRoute, formatRoute } from '../pure/route.js';
import { everyText } from '../pure/words.js';

interface LimitRowProps {
  readonly live: LiveLimit;
  readonly feature: SheetFeature | undefined;
  readonly terms: LimitTerms | undefined;
  /** Undefined where none was made. */
  readonly forecast: Forecast | undefined;
  readonly sheet: CustomerSheet;
  readonly nowMs: number;
  /** The chart shows it. */
  readonly current: boolean;
}

/** One limit's counters, in the columns of LimitsTable. */
export function LimitRow(props: LimitRowProps) {
  const { state } = props.live;
  switch (state.kind) {
    case 'quota':
      return <QuotaRow {...props} state={state} />;
    case 'bucket':
      return <BucketRow {...props} state={state} />;
    case 'concurrency':
      return <SlotRow {...props} state={state} />;
  }
}

type RowProps<State> = LimitRowProps & { readonly state: State };

function QuotaRow({ live, state, feature, terms, forecast, sheet, nowMs, current }: RowProps<QuotaState>) {
  const { limit } = live;
  const chart = formatRoute(customerRoute(sheet.id, { feature: live.feature, limit }));
  const each = formatRoute(customerRoute(sheet.id, { feature: live.feature, limit, measure: 'each' }));
  const percent = percentOf(parseDecimal(state.used), parseDecimal(state.included));
  const name = feature?.name ?? live.feature;
  return (
    <tr class={current ? 'current' : undefined}>
      <th scope="row">
        <a href={chart} data-row>
          {name} <span class="sub">{limit}</span>
        </a>
        {terms?.shadow === true && <Shadow />}
      </th>
      <td class="numeric">
        <a class="plain" href={each}>
          {formatAmount(state.used)}
        </a>
      </td>
      <Zeroable value={state.reserved} column="col-reserved" />
      <td class="numeric col-included">
        <a class="plain" href={chart}>
          {formatAmount(state.included)}
        </a>
        {terms?.kind === 'quota' && <span class="sub block">{everyText(terms.window.every)}</span>}
      </td>
      <Zeroable value={state.overage} column="col-overage" />
      <td class="numeric">{formatAmount(state.remaining)}</td>
      <td class="col-share">
        {percent === null ? (
          <span class="sub">nothing included</span>
        ) : (
          <Share percent={percent} some={state.used !== '0'} href={chart} label={`of ${name} ${limit}`} />
        )}
        {forecast !== undefined && <Expected forecast={forecast} nowMs={nowMs} />}
        <NarrowCounts state={state} nowMs={nowMs} />
      </td>
      <td class="col-resets">
        {state.resetAtMs === null ? (
          <span class="sub">never</span>
        ) : (
          <>
            in {formatTimeLeft(state.resetAtMs - nowMs)}
            <span class="sub block">{formatInstant(state.resetAtMs, sheet.timezone)}</span>
          </>
        )}
      </td>
    </tr>
  );
}

/** Where it will stand at the reset, if all goes on as before. */
function Expected({ forecast, nowMs }: { forecast: Forecast; nowMs: number }) {
  const { reachesAtMs } = forecast;
  if (reachesAtMs !== null && reachesAtMs > nowMs) {
    return <span class="sub block tone-text-warn">used up in about {formatTimeLeft(reachesAtMs - nowMs)}</span>;
  }
  return <span class="sub block">{formatCompact(Number(forecast.expected))} expected by the reset</span>;
}

/** What the columns say that a narrow page has no room for. */
function NarrowCounts({ state, nowMs }: { state: QuotaState; nowMs: number }) {
  const further = [
    state.reserved === '0' ? '' : `${formatAmount(state.reserved)} reserved`,
    state.overage === '0' ? `${formatAmount(state.remaining)} left` : `${formatAmount(state.overage)} over`,
    state.resetAtMs === null ? 'never resets' : `resets in ${formatTimeLeft(state.resetAtMs - nowMs)}`,
  ];
  return (
    <span class="narrow-only sub">
      {formatAmount(state.used)} of {formatAmount(state.included)}
      {further.map((text) =>
        text === '' ? null : (
          <span key={text} class="block">
            {text}
          </span>
        ),
      )}
    </span>
  );
}

/** A bucket has a level in place of a count: what is there now, and how fast it comes back. */
function BucketRow({ live, state, feature, terms, sheet, current }: RowProps<BucketState>) {
  const chart = formatRoute(customerRoute(sheet.id, { feature: live.feature, limit: live.limit, measure: 'each' }));
  const capacity = parseDecimal(state.capacity);
  const left = percentOf(parseDecimal(state.remaining), capacity) ?? 0;
  const refill = terms?.kind === 'bucket' ? `refills ${formatRefill(terms.refill.amount, terms.refill.everyMs)}` : '';
  return (
    <tr class={current ? 'current' : undefined}>
      <th scope="row">
        <a href={chart} data-row>
          {feature?.name ?? live.feature} <span class="sub">{live.limit}</span>
        </a>
        {terms?.shadow === true && <Shadow />}
      </th>
      <Nothing />
      <Nothing column="col-reserved" />
      <td class="numeric col-included">{formatAmount(state.capacity)}</td>
      <Nothing column="col-overage" />
      <td class="numeric">{formatAmount(state.remaining)}</td>
      <td class="col-share">
        <span class="share level">
          <Bar percent={left} tone="quiet" />
          <span class="share-text">{left}% left</span>
        </span>
        <span class="narrow-only sub">
          {formatAmount(state.remaining)} of {formatAmount(state.capacity)}
          <br />
          {refill}
        </span>
      </td>
      <td class="col-resets">
        <span class="sub">{refill}</span>
      </td>
    </tr>
  );
}

/** Holds that are open now: it resets when one of them ends. */
function SlotRow({ live, state, feature, terms, current }: RowProps<SlotState>) {
  const percent = percentOf(parseDecimal(state.inUse), parseDecimal(state.slots));
  return (
    <tr class={current ? 'current' : undefined}>
      <th scope="row">
        {feature?.name ?? live.feature} <span class="sub">{live.limit}</span>
        {terms?.shadow === true && <Shadow />}
      </th>
      <td class="numeric">{formatAmount(state.inUse)}</td>
      <Nothing column="col-reserved" />
      <td class="numeric col-included">
        {formatAmount(state.slots)}
        <span class="sub block">at once</span>
      </td>
      <Nothing column="col-overage" />
      <td class="numeric">{formatAmount(state.remaining)}</td>
      <td class="col-share">
        {percent !== null && (
          <span class="share">
            <Bar percent={percent} />
            <span class="share-text">{percent}%</span>
          </span>
        )}
        <span class="narrow-only sub">
          {formatAmount(state.inUse)} of {formatAmount(state.slots)} in use
        </span>
      </td>
      <td class="col-resets">
        <span class="sub">as holds end</span>
      </td>
    </tr>
  );
}

function Shadow() {
  return (
    <span class="badge badge-quiet" title="Reported as if it were enforced, but denies nothing">
      shadow
    </span>
  );
}

function Zeroable({ value, column }: { value: string; column: string }) {
  return (
    <td class={`numeric ${column}`}>
      {value === '0' ? <span class="sub">0</span> : <strong>{formatAmount(value)}</strong>}
    </td>
  );
}

/** A bucket counts neither. */
function Nothing({ column = '' }: { column?: string }) {
  return (
    <td class={`numeric ${column}`}>
      <span class="sub" aria-hidden="true">
        –
      </span>
      <span class="visually-hidden">not counted</span>
    </td>
  );
}
