import { useRef } from 'preact/hooks';
import type { BucketState, CustomerSheet, LimitTerms, LiveLimit, QuotaState, SheetFeature } from '../api/customers.js';
import { useNow } from '../hooks/use-now.js';
import { useRowKeys } from '../hooks/use-row-keys.js';
import { Bar, Share } from '../parts/bar.js';
import { parseDecimal, percentOf } from '../pure/decimal.js';
import { formatAmount, formatInstant, formatRefill, formatTimeLeft } from '../pure/format.js';
import { type CustomerRoute, customerRoute, formatRoute } from '../pure/route.js';
import { everyText } from '../pure/words.js';

interface LimitsTableProps {
  readonly sheet: CustomerSheet;
  readonly limits: readonly LiveLimit[];
  readonly route: CustomerRoute;
}

/** Every limit with its counters of this moment. */
export function LimitsTable({ sheet, limits, route }: LimitsTableProps) {
  const container = useRef<HTMLDivElement>(null);
  const nowMs = useNow();
  useRowKeys(container);
  return (
    <div class="table-card" ref={container}>
      <table class="limits">
        <caption class="visually-hidden">Every limit of {sheet.name} with its counters now</caption>
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col" class="numeric">
              Used
            </th>
            <th scope="col" class="numeric col-reserved">
              Reserved
            </th>
            <th scope="col" class="numeric col-included">
              Included
            </th>
            <th scope="col" class="numeric col-overage">
              Overage
            </th>
            <th scope="col" class="numeric">
              Remaining
            </th>
            <th scope="col" class="col-share">
              Share used
            </th>
            <th scope="col" class="col-resets">
              Resets
            </th>
          </tr>
        </thead>
        <tbody>
          {limits.map((live) => {
            const feature = sheet.features.find(({ id }) => id === live.feature);
            const terms = feature?.limits.find(({ id }) => id === live.limit);
            const props = { live, feature, terms, sheet, nowMs, current: isCurrent(live, route) };
            const key = JSON.stringify([live.feature, live.limit]);
            return live.state.kind === 'quota' ? (
              <QuotaRow key={key} {...props} state={live.state} />
            ) : (
              <BucketRow key={key} {...props} state={live.state} />
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const isCurrent = (live: LiveLimit, route: CustomerRoute): boolean =>
  live.feature === route.feature && live.limit === route.limit;

interface RowProps<State> {
  readonly live: LiveLimit;
  readonly state: State;
  readonly feature: SheetFeature | undefined;
  readonly terms: LimitTerms | undefined;
  readonly sheet: CustomerSheet;
  readonly nowMs: number;
  readonly current: boolean;
}

function QuotaRow({ live, state, feature, terms, sheet, nowMs, current }: RowProps<QuotaState>) {
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
          <Share percent={percent} href={chart} label={`of ${name} ${limit}`} />
        )}
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
