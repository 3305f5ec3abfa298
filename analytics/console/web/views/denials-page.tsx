import { useState } from 'preact/hooks';
import { denials, denialsPath } from '../api/reports.js';
import { useResource } from '../hooks/use-resource.js';
import { replaceRoute } from '../hooks/use-route.js';
import { Choice } from '../parts/choice.js';
import { Loaded } from '../parts/loaded.js';
import { MoreButton } from '../parts/more-button.js';
import { EmptyPanel } from '../parts/panels.js';
import { formatAmount, formatShort } from '../pure/format.js';
import { customerRoute, type DenialsRoute, formatRoute } from '../pure/route.js';
import { DENIAL_REASONS, reasonText } from '../pure/words.js';

const REFRESH_MS = 10_000;
const PAGE_ROWS = 100;
const ROWS_MAX = 1_000;
const DAY_MS = 86_400_000;
const DAYS = [1, 7, 30] as const;

/** The denial ledger of all customers, newest first. */
export function DenialsPage({ route }: { route: DenialsRoute }) {
  const { reason } = route;
  const [days, setDays] = useState<(typeof DAYS)[number]>(1);
  const [limit, setLimit] = useState(PAGE_ROWS);
  const request = () => ({
    reason: reason === '' ? undefined : reason,
    from: new Date(Date.now() - days * DAY_MS).toISOString(),
    limit,
  });
  const page = useResource(JSON.stringify([days, reason, limit]), (signal) => denials(request(), signal), {
    everyMs: REFRESH_MS,
  });
  return (
    <>
      <div class="heading">
        <h1>Denials</h1>
      </div>
      <div class="toolbar">
        <Choice
          legend="Denied in the last"
          options={DAYS.map((value) => ({ value, text: value === 1 ? '24 h' : `${value} d` }))}
          value={days}
          onChoose={(value) => setDays(value)}
        />
        <label class="select">
          <span class="visually-hidden">Reason</span>
          <select value={reason} onChange={(event) => replaceRoute({ ...route, reason: event.currentTarget.value })}>
            <option value="">All reasons</option>
            {DENIAL_REASONS.map((each) => (
              <option key={each} value={each}>
                {reasonText(each)}
              </option>
            ))}
          </select>
        </label>
        <a class="button-link" href={denialsPath({ ...request(), limit: ROWS_MAX, format: 'csv' })} download>
          CSV
        </a>
      </div>
      <Loaded resource={page} what="the denials" lines={8}>
        {(data) =>
          data.rows.length === 0 ? (
            <EmptyPanel title="Nothing was denied">
              <p>No request was refused in this time.</p>
            </EmptyPanel>
          ) : (
            <>
              <div class="table-card">
                <table class="denials">
                  <caption class="visually-hidden">Denials of all customers, newest first</caption>
                  <thead>
                    <tr>
                      <th scope="col">Time</th>
                      <th scope="col">Customer</th>
                      <th scope="col" class="col-feature">
                        Limit
                      </th>
                      <th scope="col" class="col-reason">
                        Reason
                      </th>
                      <th scope="col" class="numeric col-amount">
                        Asked for
                      </th>
                      <th scope="col" class="numeric">
                        Count
                      </th>
                      <th scope="col" class="numeric col-version">
                        Catalog
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.rows.map((row, index) => (
                      // By their place: lines of the ledger have no id in the answer, and a row keeps no state.
                      <tr key={index}>
                        <th scope="row">
                          <time dateTime={new Date(row.atMs).toISOString()}>{formatShort(row.atMs)}</time>
                        </th>
                        <td>
                          <a href={formatRoute(customerRoute(row.customer))}>{row.customer}</a>
                          <span class="narrow-only sub">{reasonText(row.reason)}</span>
                        </td>
                        <td class="col-feature">
                          {row.feature} <span class="sub">{row.deniedBy.join(', ')}</span>
                        </td>
                        <td class="col-reason">{reasonText(row.reason)}</td>
                        <td class="numeric col-amount">{formatAmount(row.amount)}</td>
                        <td class="numeric">{formatAmount(String(row.count))}</td>
                        <td class="numeric col-version">
                          <a href={formatRoute({ view: 'changes', version: row.version })}>{row.version}</a>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {data.cursor !== undefined && <MoreButton limit={limit} limitMax={ROWS_MAX} onMore={setLimit} />}
            </>
          )
        }
      </Loaded>
    </>
  );
}
