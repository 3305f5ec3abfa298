import { type FinanceRow, type FinanceTotal, finance, financePath } from '../api/finance.js';
import { useResource } from '../hooks/use-resource.js';
import { replaceRoute } from '../hooks/use-route.js';
import { Loaded } from '../parts/loaded.js';
import { EmptyPanel } from '../parts/panels.js';
import { formatAmount, formatDay, formatPercent } from '../pure/format.js';
import { lastMonths, monthName } from '../pure/months.js';
import { CUSTOMERS, customerRoute, type FinanceRoute, formatRoute } from '../pure/route.js';
import { toneOf } from '../pure/words.js';

const MONTHS_SHOWN = 25;

/** What each customer used of each limit in a month, as it is billed. */
export function Finance({ route }: { route: FinanceRoute }) {
  const months = lastMonths(Date.now(), 'UTC', MONTHS_SHOWN);
  const period = route.period ?? months[0] ?? '';
  const request = {
    period,
    customer: route.customer.trim() || undefined,
    plan: route.plan.trim() || undefined,
  };
  const report = useResource(JSON.stringify(request), (signal) => finance(request, signal));
  const update = (change: Partial<FinanceRoute>): void => replaceRoute({ ...route, ...change });
  return (
    <>
      <div class="heading">
        <h1>Finance</h1>
      </div>
      <div class="toolbar">
        <label class="select">
          <span class="visually-hidden">Period</span>
          <select value={period} onChange={(event) => update({ period: event.currentTarget.value })}>
            {(months.includes(period) ? months : [period, ...months]).map((month) => (
              <option key={month} value={month}>
                {monthName(month)}
              </option>
            ))}
          </select>
        </label>
        <Field label="Customer" value={route.customer} onInput={(customer) => update({ customer })} />
        <Field label="Plan" value={route.plan} onInput={(plan) => update({ plan })} />
        <span class="downloads">
          {(['csv', 'parquet', 'json'] as const).map((format) => (
            <a
              key={format}
              class="button-link"
              href={financePath({ ...request, format })}
              download={`finance-${period}.${format}`}
            >
              {format === 'parquet' ? 'Parquet' : format.toUpperCase()}
            </a>
          ))}
        </span>
      </div>
      <Loaded resource={report} what="the finance report" lines={10}>
        {(data) =>
          data.rows.length === 0 ? (
            <EmptyPanel title={`Nothing was used in ${monthName(period)}`} />
          ) : (
            <>
              <Totals totals={data.totals} />
              <FinanceTable rows={data.rows} period={period} />
              {data.more && (
                <p class="hint">
                  These are the first {formatAmount(String(data.rows.length))} rows. Name a customer or a plan to see
                  others; the downloads have all, with their totals.
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  onInput(value: string): void;
}

function Field({ label, value, onInput }: FieldProps) {
  return (
    <input
      type="search"
      class="short"
      aria-label={label}
      placeholder={label}
      autocomplete="off"
      spellcheck={false}
      maxLength={256}
      value={value}
      onChange={(event) => onInput(event.currentTarget.value)}
    />
  );
}

function Totals({ totals }: { totals: readonly FinanceTotal[] }) {
  if (totals.length === 0) return null;
  return (
    <dl class="terms totals" aria-label="Totals">
      {totals.map(({ name, used, overage }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {formatAmount(used)} used
            {overage !== '0' && <span class="sub block">{formatAmount(overage)} over what is included</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function FinanceTable({ rows, period }: { rows: readonly FinanceRow[]; period: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keys
    <section class="table-card table-wide" tabIndex={0} aria-label={`Use in ${monthName(period)}`}>
      <table class="finance">
        <thead>
          <tr>
            <th scope="col">Customer</th>
            <th scope="col">Limit</th>
            <th scope="col" class="col-window">
              Window
            </th>
            {['Included', 'Used', 'Overage', 'Voided', 'Late', 'Share', 'Denied'].map((text) => (
              <th key={text} scope="col" class="numeric">
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row
              key={JSON.stringify([row.customer, row.feature, row.limit, row.windowStartMs, row.adjusts])}
              row={row}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ row }: { row: FinanceRow }) {
  const chart = formatRoute(customerRoute(row.customer, { feature: row.feature, limit: row.limit, range: '30d' }));
  const percent = row.utilizationPercent;
  return (
    <tr>
      <th scope="row" class="clip">
        <a href={formatRoute(customerRoute(row.customer))} title={row.customer}>
          {row.customer}
        </a>
        <a class="sub block plain" href={formatRoute({ ...CUSTOMERS, plan: row.plan })}>
          {row.plan}
        </a>
      </th>
      <td class="nowrap">
        <a class="plain" href={chart}>
          {row.feature} <span class="sub">{row.limit}</span>
        </a>
        {row.adjusts !== null && <span class="sub block">corrects {monthName(row.adjusts)}</span>}
      </td>
      <td class="nowrap col-window">
        {row.windowStartMs === null ? <span class="sub">in all</span> : formatDay(row.windowStartMs, 'UTC')}
        {row.windowEndMs !== null && <span class="sub block">to {formatDay(row.windowEndMs, 'UTC')}</span>}
      </td>
      <td class="numeric">
        {row.included === null ? <span class="sub">–</span> : formatAmount(row.included)}
        {row.addons !== null && row.addons !== '0' && (
          <span class="sub block">{formatAmount(row.addons)} by add-ons</span>
        )}
      </td>
      <td class="numeric">
        <a class="plain" href={chart}>
          {formatAmount(row.used)}
        </a>
      </td>
      <Amount value={row.overage} strong />
      <Amount value={row.voided} />
      <Amount value={row.late} />
      <td class={`numeric${percent === null ? '' : ` tone-text-${toneOf(percent)}`}`}>
        {percent === null ? '–' : formatPercent(percent)}
      </td>
      <td class="numeric">
        {row.deniedCount === '0' ? (
          <span class="sub">0</span>
        ) : (
          <a class="plain" href={formatRoute(customerRoute(row.customer))}>
            {formatAmount(row.deniedCount)}
          </a>
        )}
      </td>
    </tr>
  );
}

function Amount({ value, strong = false }: { value: string | null; strong?: boolean }) {
  const text = value === null ? '–' : formatAmount(value);
  const none = value === null || value === '0';
  return <td class="numeric">{none ? <span class="sub">{text}</span> : strong ? <strong>{text}</strong> : text}</td>;
}
