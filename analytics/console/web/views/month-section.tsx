import { useState } from 'preact/hooks';
import type { CustomerSheet } from '../api/customers.js';
import { type Utilization, utilization, utilizationPath } from '../api/reports.js';
import { useResource } from '../hooks/use-resource.js';
import { Share } from '../parts/bar.js';
import { Loaded } from '../parts/loaded.js';
import { EmptyPanel } from '../parts/panels.js';
import { parseDecimal, percentOf } from '../pure/decimal.js';
import { formatAmount, formatDay } from '../pure/format.js';
import { lastMonths, monthName } from '../pure/months.js';
import { customerRoute, formatRoute } from '../pure/route.js';
import { DENIALS_TITLE_ID } from './denials-section.js';

const MONTHS_SHOWN = 13;
const REFRESH_MS = 60_000;

/** The utilization report of one customer: what finance bills by, for any of the last months. */
export function MonthSection({ sheet }: { sheet: CustomerSheet }) {
  const months = lastMonths(Date.now(), sheet.timezone, MONTHS_SHOWN);
  const [month, setMonth] = useState(months[0] ?? '');
  const report = useResource(month, (signal) => utilization(sheet.id, month, signal), {
    everyMs: REFRESH_MS,
  });
  return (
    <section aria-labelledby="month-title">
      <div class="heading">
        <h2 id="month-title">By month</h2>
      </div>
      <div class="toolbar">
        <label class="select">
          <span class="visually-hidden">Month</span>
          <select value={month} onChange={(event) => setMonth(event.currentTarget.value)}>
            {months.map((each) => (
              <option key={each} value={each}>
                {monthName(each)}
              </option>
            ))}
          </select>
        </label>
        <a class="button-link" href={utilizationPath(sheet.id, month, 'csv')} download>
          CSV
        </a>
      </div>
      <Loaded resource={report} what="the month" lines={3}>
        {(data) =>
          data.length === 0 ? (
            <EmptyPanel title={`Nothing was used in ${monthName(month)}`} />
          ) : (
            <MonthTable sheet={sheet} rows={data} month={month} />
          )
        }
      </Loaded>
    </section>
  );
}

function MonthTable({ sheet, rows, month }: { sheet: CustomerSheet; rows: readonly Utilization[]; month: string }) {
  return (
    <div class="table-card">
      <table class="months">
        <caption class="visually-hidden">
          Usage of {sheet.name} in {monthName(month)}
        </caption>
        <thead>
          <tr>
            <th scope="col">Feature</th>
            <th scope="col" class="numeric">
              Used
            </th>
            <th scope="col" class="numeric">
              Included
            </th>
            <th scope="col" class="numeric">
              Overage
            </th>
            <th scope="col" class="col-share">
              Share used
            </th>
            <th scope="col" class="numeric">
              Denied
            </th>
            <th scope="col" class="col-peak">
              Busiest day
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <MonthRow key={row.feature} sheet={sheet} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** An address inside the page is taken by its route, so a button leads there. */
function showDenials(): void {
  const title = document.getElementById(DENIALS_TITLE_ID);
  title?.scrollIntoView();
  title?.focus();
}

function MonthRow({ sheet, row }: { sheet: CustomerSheet; row: Utilization }) {
  const name = sheet.features.find(({ id }) => id === row.feature)?.name ?? row.feature;
  const chart = { feature: row.feature, limit: row.limit ?? undefined };
  const days = formatRoute(customerRoute(sheet.id, { ...chart, range: '30d', measure: 'each' }));
  const percent = row.included === null ? null : percentOf(parseDecimal(row.used), parseDecimal(row.included));
  return (
    <tr>
      <th scope="row">
        <a href={days}>{name}</a>
        {row.limit !== null && <span class="sub"> {row.limit}</span>}
        <span class="narrow-only sub">
          {formatAmount(row.used)}
          {row.included === null ? ' used' : ` of ${formatAmount(row.included)}`}
          <span class="block">{formatAmount(row.deniedCount)} denied</span>
        </span>
      </th>
      <td class="numeric">
        <a class="plain" href={days}>
          {formatAmount(row.used)}
        </a>
      </td>
      <td class="numeric">{row.included === null ? <span class="sub">no quota</span> : formatAmount(row.included)}</td>
      <td class="numeric">
        {row.overage === '0' ? <span class="sub">0</span> : <strong>{formatAmount(row.overage)}</strong>}
      </td>
      <td class="col-share">
        {percent === null ? (
          <span class="sub">–</span>
        ) : (
          <Share
            percent={percent}
            some={row.used !== '0'}
            href={formatRoute(customerRoute(sheet.id, chart))}
            label={`of ${name} in the month`}
          />
        )}
      </td>
      <td class="numeric">
        {row.deniedCount === '0' ? (
          <span class="sub">0</span>
        ) : (
          <button type="button" class="plain-link" onClick={showDenials}>
            {formatAmount(row.deniedCount)}
          </button>
        )}
      </td>
      <td class="col-peak">
        {row.peakDay === null ? (
          <span class="sub">–</span>
        ) : (
          <>
            {formatDay(Date.parse(row.peakDay), 'UTC')}
            <span class="sub block">{formatAmount(row.peakDayUsed)}</span>
          </>
        )}
      </td>
    </tr>
  );
}
