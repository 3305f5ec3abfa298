import { useRef } from 'preact/hooks';
import type { Forecast } from '../api/accounts.js';
import type { CustomerSheet, LiveLimit } from '../api/customers.js';
import { useNow } from '../hooks/use-now.js';
import { useRowKeys } from '../hooks/use-row-keys.js';
import type { CustomerRoute } from '../pure/route.js';
import { LimitRow } from './limit-row.js';

interface LimitsTableProps {
  readonly sheet: CustomerSheet;
  readonly limits: readonly LiveLimit[];
  readonly forecasts: readonly Forecast[];
  readonly route: CustomerRoute;
}

/** Every limit with its counters of this moment. */
export function LimitsTable({ sheet, limits, forecasts, route }: LimitsTableProps) {
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
            return (
              <LimitRow
                key={JSON.stringify([live.feature, live.limit])}
                live={live}
                feature={feature}
                terms={feature?.limits.find(({ id }) => id === live.limit)}
                forecast={forecasts.find((row) => row.feature === live.feature && row.limit === live.limit)}
                sheet={sheet}
                nowMs={nowMs}
                current={isCurrent(live, route)}
              />
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const isCurrent = (live: LiveLimit, route: CustomerRoute): boolean =>
  live.feature === route.feature && live.limit === route.limit;
