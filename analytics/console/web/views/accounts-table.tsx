import { useRef } from 'preact/hooks';
import type { NearLimit } from '../api/reports.js';
import { useNow } from '../hooks/use-now.js';
import { useFocusSurvives, useRowKeys } from '../hooks/use-row-keys.js';
import { Share } from '../parts/bar.js';
import { formatAmount, formatInstant, formatTimeLeft } from '../pure/format.js';
import { nextSorting, rowKey, type SortColumn, type Sorting } from '../pure/near-rows.js';
import { type AccountsRoute, customerRoute, formatRoute } from '../pure/route.js';

export const SORT_NAMES: readonly (readonly [SortColumn, string])[] = [
  ['customer', 'Customer'],
  ['plan', 'Plan'],
  ['limit', 'Limit'],
  ['used', 'Used'],
  ['included', 'Included'],
  ['percent', 'Share used'],
  ['left', 'Resets in'],
];

const NUMERIC: ReadonlySet<SortColumn> = new Set(['used', 'included']);

interface AccountsTableProps {
  readonly rows: readonly NearLimit[];
  readonly sorting: Sorting;
  readonly route: AccountsRoute;
  onSort(sorting: Sorting): void;
}

export function AccountsTable({ rows, sorting, route, onSort }: AccountsTableProps) {
  const container = useRef<HTMLDivElement>(null);
  const nowMs = useNow();
  useRowKeys(container);
  useFocusSurvives(container);
  return (
    <div class="table-card" ref={container}>
      <table class="accounts">
        <caption class="visually-hidden">
          Limits near exhaustion. The keys j and k, or the arrows, move between rows; Enter opens the customer.
        </caption>
        <thead>
          <tr>
            {SORT_NAMES.map(([column, text]) => (
              <th
                key={column}
                scope="col"
                class={`col-${column}${NUMERIC.has(column) ? ' numeric' : ''}`}
                aria-sort={sorting.column === column ? (sorting.descending ? 'descending' : 'ascending') : undefined}
              >
                <button type="button" class="sort" onClick={() => onSort(nextSorting(sorting, column))}>
                  {text}
                  <span class="sort-mark" aria-hidden="true" />
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={rowKey(row)} row={row} nowMs={nowMs} route={route} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, nowMs, route }: { row: NearLimit; nowMs: number; route: AccountsRoute }) {
  const { customer, plan, feature, limit } = row;
  const chart = formatRoute(customerRoute(customer, { feature, limit }));
  const each = formatRoute(customerRoute(customer, { feature, limit, measure: 'each' }));
  const left = row.windowEndMs === null ? 'never' : formatTimeLeft(row.windowEndMs - nowMs);
  const used = formatAmount(row.used);
  const included = formatAmount(row.included);
  return (
    <tr>
      <th scope="row" class="col-customer">
        <a href={chart} data-row title={customer}>
          {customer}
        </a>
        <span class="narrow-only sub">
          {plan} · {feature} {limit}
        </span>
      </th>
      <td class="col-plan">
        <a class="plain" href={formatRoute({ ...route, query: plan })} title={`Only the plan ${plan}`}>
          {plan}
        </a>
      </td>
      <td class="col-limit">
        <a class="plain" href={chart}>
          {feature} <span class="sub">{limit}</span>
        </a>
      </td>
      <td class="col-used numeric">
        <a class="plain" href={each}>
          {used}
        </a>
      </td>
      <td class="col-included numeric">
        <a class="plain" href={chart}>
          {included}
        </a>
      </td>
      <td class="col-percent">
        <Share percent={row.percent} href={chart} label={`of ${feature} ${limit}`} />
        <span class="narrow-only sub">
          {used} of {included}
          <br />
          {row.windowEndMs === null ? 'never resets' : `resets in ${left}`}
          <UsedUp row={row} nowMs={nowMs} />
        </span>
      </td>
      <td class="col-left" title={row.windowEndMs === null ? undefined : formatInstant(row.windowEndMs)}>
        {left}
        <UsedUp row={row} nowMs={nowMs} />
      </td>
    </tr>
  );
}

/** The forecast, where it says that what is included will not last. */
function UsedUp({ row: { reachesAtMs }, nowMs }: { row: NearLimit; nowMs: number }) {
  if (reachesAtMs === null || reachesAtMs <= nowMs) return null;
  return (
    <span class="sub block tone-text-warn" title={formatInstant(reachesAtMs)}>
      used up in about {formatTimeLeft(reachesAtMs - nowMs)}
    </span>
  );
}
