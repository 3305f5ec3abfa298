import { alerts } from '../api/accounts.js';
import { changes } from '../api/audit.js';
import type { CustomerSheet } from '../api/customers.js';
import { signals } from '../api/signals.js';
import { useResource } from '../hooks/use-resource.js';
import { Loaded } from '../parts/loaded.js';
import { formatAmount, formatPercent, formatShort } from '../pure/format.js';
import { customerRoute, formatRoute } from '../pure/route.js';
import { nameText } from '../pure/words.js';
import { ChangesTable } from './changes-table.js';
import { SignalCard } from './signal-card.js';

const SHOWN = 20;
const REFRESH_MS = 60_000;

/** Why to talk to this customer. Shown only where there is a reason. */
export function SignalsSection({ sheet }: { sheet: CustomerSheet }) {
  const page = useResource('signals', (signal) => signals({ customer: sheet.id, limit: SHOWN }, signal), {
    everyMs: REFRESH_MS,
  });
  const open = page.data?.rows.filter(({ state }) => state === 'open') ?? [];
  if (open.length === 0) return null;
  return (
    <section aria-labelledby="signals-title">
      <div class="heading">
        <h2 id="signals-title">Signals</h2>
      </div>
      <ul class="signals" aria-label="Signals">
        {open.map((row) => (
          <SignalCard key={row.id} signal={row} named={false} />
        ))}
      </ul>
    </section>
  );
}

/** Thresholds that were crossed, and told. */
export function AlertsSection({ sheet }: { sheet: CustomerSheet }) {
  const page = useResource('alerts', (signal) => alerts(sheet.id, SHOWN, signal), { everyMs: REFRESH_MS });
  if (page.data === null) return null;
  return (
    <section aria-labelledby="alerts-title">
      <div class="heading">
        <h2 id="alerts-title">Alerts</h2>
      </div>
      <Loaded resource={page} what="the alerts" lines={2}>
        {(rows) =>
          rows.length === 0 ? (
            <p class="sub">No threshold was crossed.</p>
          ) : (
            <ul class="card rows" aria-label="Alerts, newest first">
              {rows.map((row) => (
                <li key={row.id}>
                  <span class="row-text">
                    <a href={formatRoute(customerRoute(sheet.id, { feature: row.feature, limit: row.limit }))}>
                      {row.feature} {row.limit}
                    </a>
                    <span class="sub">
                      {nameText(row.kind)}
                      {row.entity === undefined ? '' : ` · ${row.entity}`}
                      {row.used !== null && row.included !== null
                        ? ` · ${formatAmount(row.used)} of ${formatAmount(row.included)}`
                        : ''}
                    </span>
                  </span>
                  {row.threshold !== null && (
                    <span class={`badge badge-${row.threshold >= 100 ? 'bad' : 'warn'}`}>
                      {formatPercent(row.threshold)}
                    </span>
                  )}
                  <span class="sub">{formatShort(row.atMs, sheet.timezone)}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}

/** Who changed this customer's terms. A key for one customer does not see it. */
export function AuditSection({ sheet }: { sheet: CustomerSheet }) {
  const page = useResource('audit', (signal) => changes(SHOWN, { type: 'customer', id: sheet.id }, signal));
  if (page.error?.code === 'forbidden') return null;
  return (
    <section aria-labelledby="audit-title">
      <div class="heading">
        <h2 id="audit-title">Changes of this customer</h2>
      </div>
      <Loaded resource={page} what="the changes" lines={2}>
        {({ rows }) =>
          rows.length === 0 ? <p class="sub">None is on record.</p> : <ChangesTable rows={rows} version={undefined} />
        }
      </Loaded>
    </section>
  );
}
