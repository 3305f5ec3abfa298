import { useState } from 'preact/hooks';
import { type CustomerEvent, customerEvents, customerEventsPath } from '../api/accounts.js';
import type { CustomerSheet } from '../api/customers.js';
import { useResource } from '../hooks/use-resource.js';
import { Loaded } from '../parts/loaded.js';
import { MoreButton } from '../parts/more-button.js';
import { EmptyPanel } from '../parts/panels.js';
import { formatAmount, formatShort } from '../pure/format.js';
import { customerRoute, formatRoute } from '../pure/route.js';
import { factText } from '../pure/words.js';

const REFRESH_MS = 15_000;
const PAGE_ROWS = 20;
const ROWS_MAX = 1_000;
/** An event that happened this long before it was charged is said to have come later. */
const LATE_MS = 60_000;

/** What the customer was charged lately, fact by fact. */
export function EventsSection({ sheet }: { sheet: CustomerSheet }) {
  const [limit, setLimit] = useState(PAGE_ROWS);
  const page = useResource(String(limit), (signal) => customerEvents(sheet.id, { limit }, signal), {
    everyMs: REFRESH_MS,
  });
  return (
    <section aria-labelledby="events-title">
      <div class="heading">
        <h2 id="events-title">Events</h2>
        <a class="button-link" href={customerEventsPath(sheet.id, { limit: ROWS_MAX, format: 'csv' })} download>
          CSV<span class="visually-hidden"> of the events</span>
        </a>
      </div>
      <Loaded resource={page} what="the events" lines={4}>
        {(data) =>
          data.rows.length === 0 ? (
            <EmptyPanel title="Nothing was charged in the last 30 days" />
          ) : (
            <>
              <EventsTable sheet={sheet} rows={data.rows} />
              {data.cursor !== undefined && <MoreButton limit={limit} limitMax={ROWS_MAX} onMore={setLimit} />}
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function EventsTable({ sheet, rows }: { sheet: CustomerSheet; rows: readonly CustomerEvent[] }) {
  return (
    <div class="table-card">
      <table class="events">
        <caption class="visually-hidden">What {sheet.name} was charged, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Charged</th>
            <th scope="col">Feature</th>
            <th scope="col" class="numeric">
              Amount
            </th>
            <th scope="col" class="col-kind">
              By
            </th>
            <th scope="col" class="col-what">
              Details
            </th>
            <th scope="col" class="numeric col-version">
              Catalog
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // By their place: a row keeps no state.
            <EventRow key={index} sheet={sheet} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EventRow({ sheet, row }: { sheet: CustomerSheet; row: CustomerEvent }) {
  const name = sheet.features.find(({ id }) => id === row.feature)?.name ?? row.feature ?? row.meter;
  const later = row.atMs - row.happenedMs > LATE_MS;
  const kind = factText(row.kind);
  const details = [
    ...(row.id === undefined ? [] : [row.id]),
    ...row.dimensions.map((dimension) => `${dimension.name} ${dimension.value}`),
  ];
  return (
    <tr>
      <th scope="row">
        <time dateTime={new Date(row.atMs).toISOString()}>{formatShort(row.atMs, sheet.timezone)}</time>
        {later && <span class="sub block">of {formatShort(row.happenedMs, sheet.timezone)}</span>}
      </th>
      <td>
        {row.feature === undefined ? (
          name
        ) : (
          <a class="plain" href={formatRoute(customerRoute(sheet.id, { feature: row.feature, measure: 'each' }))}>
            {name}
          </a>
        )}
        {row.entity !== undefined && <span class="sub block">{row.entity}</span>}
        {row.late && <span class="badge badge-warn">late</span>}
      </td>
      <td class="numeric">{formatAmount(row.amount)}</td>
      <td class="col-kind">
        {kind}
        {row.source !== kind.toLowerCase() && <span class="sub block">{row.source}</span>}
      </td>
      <td class="col-what sub">{details.join(' · ')}</td>
      <td class="numeric col-version">
        <a href={formatRoute({ view: 'changes', version: row.version })}>{row.version}</a>
      </td>
    </tr>
  );
}
