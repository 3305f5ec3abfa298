import { useState } from 'preact/hooks';
import type { CustomerSheet } from '../api/customers.js';
import { type Denial, denials, denialsPath, type LimitAtDenial } from '../api/reports.js';
import { useResource } from '../hooks/use-resource.js';
import { Choice } from '../parts/choice.js';
import { Loaded } from '../parts/loaded.js';
import { MoreButton } from '../parts/more-button.js';
import { EmptyPanel } from '../parts/panels.js';
import { formatAmount, formatShort } from '../pure/format.js';
import { customerRoute, formatRoute } from '../pure/route.js';
import { reasonText } from '../pure/words.js';

export const DENIALS_TITLE_ID = 'denials-title';
const REFRESH_MS = 15_000;
const PAGE_ROWS = 50;
const ROWS_MAX = 1_000;
const DAY_MS = 86_400_000;

const DAYS = [1, 7, 30] as const;

/** The denial ledger of the customer: what was refused, by which limit and numbers, under which catalog. */
export function DenialsSection({ sheet }: { sheet: CustomerSheet }) {
  const [days, setDays] = useState<(typeof DAYS)[number]>(7);
  const [feature, setFeature] = useState('');
  const [limit, setLimit] = useState(PAGE_ROWS);
  const request = () => ({
    customer: sheet.id,
    feature: feature === '' ? undefined : feature,
    from: new Date(Date.now() - days * DAY_MS).toISOString(),
    limit,
  });
  const page = useResource(JSON.stringify([days, feature, limit]), (signal) => denials(request(), signal), {
    everyMs: REFRESH_MS,
  });
  return (
    <section aria-labelledby={DENIALS_TITLE_ID}>
      <div class="heading">
        <h2 id={DENIALS_TITLE_ID} tabIndex={-1}>
          Denials
        </h2>
      </div>
      <div class="toolbar">
        <Choice
          legend="Denied in the last"
          options={DAYS.map((value) => ({ value, text: value === 1 ? '24 h' : `${value} d` }))}
          value={days}
          onChoose={(value) => setDays(value)}
        />
        <label class="select">
          <span class="visually-hidden">Feature</span>
          <select value={feature} onChange={(event) => setFeature(event.currentTarget.value)}>
            <option value="">All features</option>
            {sheet.features.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <a class="button-link" href={denialsPath({ ...request(), limit: ROWS_MAX, format: 'csv' })} download>
          CSV
        </a>
      </div>
      <Loaded resource={page} what="the denials" lines={4}>
        {(data) =>
          data.rows.length === 0 ? (
            <EmptyPanel title="Nothing was denied">
              <p>No request of {sheet.name} was refused in this time.</p>
            </EmptyPanel>
          ) : (
            <>
              <DenialsTable sheet={sheet} rows={data.rows} />
              {data.cursor !== undefined && <MoreButton limit={limit} limitMax={ROWS_MAX} onMore={setLimit} />}
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function DenialsTable({ sheet, rows }: { sheet: CustomerSheet; rows: readonly Denial[] }) {
  return (
    <div class="table-card">
      <table class="denials">
        <caption class="visually-hidden">Denials of {sheet.name}, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col" class="col-feature">
              Feature
            </th>
            <th scope="col">Limit</th>
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
          {rows.map((row, index) => (
            // By their place: lines of the ledger have no id in the answer, and a row keeps no state.
            <DenialRow key={index} sheet={sheet} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DenialRow({ sheet, row }: { sheet: CustomerSheet; row: Denial }) {
  const feature = sheet.features.find(({ id }) => id === row.feature)?.name ?? row.feature;
  return (
    <tr>
      <th scope="row">
        <time dateTime={new Date(row.atMs).toISOString()}>{formatShort(row.atMs, sheet.timezone)}</time>
        <span class="narrow-only sub">{feature}</span>
      </th>
      <td class="col-feature">
        {feature}
        {row.entity !== undefined && <span class="sub block">{row.entity}</span>}
      </td>
      <td>
        {row.deniedBy.length === 0 ? <span class="sub">–</span> : row.deniedBy.map((id) => numbersOf(sheet, row, id))}
        <span class="narrow-only sub">{reasonText(row.reason)}</span>
      </td>
      <td class="col-reason">{reasonText(row.reason)}</td>
      <td class="numeric col-amount">{formatAmount(row.amount)}</td>
      <td class="numeric">{formatAmount(String(row.count))}</td>
      <td class="numeric col-version">
        <a href={formatRoute({ view: 'changes', version: row.version })}>{row.version}</a>
      </td>
    </tr>
  );
}

/** Recorded usage may take a bucket below zero; later checks wait the debt out. */
function levelText({ used, included }: LimitAtDenial): string {
  const level = used.startsWith('-') ? `${formatAmount(used.slice(1))} in debt, of` : `${formatAmount(used)} left of`;
  return `${level} ${formatAmount(included)}`;
}

/** The limit that refused, with what it had counted then. */
function numbersOf(sheet: CustomerSheet, row: Denial, id: string) {
  const numbers = row.limits.find((limit) => limit.id === id);
  const terms = sheet.features.find((feature) => feature.id === row.feature)?.limits.find((limit) => limit.id === id);
  return (
    <span key={id} class="block">
      <a href={formatRoute(customerRoute(sheet.id, { feature: row.feature, limit: id }))}>{id}</a>
      {numbers !== undefined && (
        <span class="sub block">
          {terms?.kind === 'bucket'
            ? levelText(numbers)
            : `${formatAmount(numbers.used)} used of ${formatAmount(numbers.included)}`}
        </span>
      )}
    </span>
  );
}
