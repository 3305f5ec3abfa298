import type { NearCount } from '../api/overview.js';
import type { SignalsPage } from '../api/signals.js';
import type { Resource } from '../hooks/use-resource.js';
import { Share } from '../parts/bar.js';
import { Loaded } from '../parts/loaded.js';
import { ACCOUNTS, customerRoute, formatRoute, SIGNALS } from '../pure/route.js';
import { kindText } from '../pure/words.js';

const SHOWN = 5;

/** The accounts that will call first. */
export function NearCard({ near }: { near: NearCount | null }) {
  return (
    <section class="card" aria-labelledby="near-title">
      <div class="heading">
        <h2 id="near-title">Nearest to their limits</h2>
        <a href={formatRoute(ACCOUNTS)}>
          All<span class="visually-hidden"> accounts near their limits</span>
        </a>
      </div>
      {near === null ? (
        <p class="sub">Being counted …</p>
      ) : near.rows.length === 0 ? (
        <p class="sub">Nobody has used {near.threshold}% of a limit.</p>
      ) : (
        <ul class="rows">
          {near.rows.map((row) => {
            const href = formatRoute(customerRoute(row.customer, { feature: row.feature, limit: row.limit }));
            return (
              <li key={JSON.stringify([row.customer, row.feature, row.limit])}>
                <span class="row-text">
                  <a href={href} title={row.customer}>
                    {row.customer}
                  </a>
                  <span class="sub">
                    {row.plan} · {row.feature} {row.limit}
                  </span>
                </span>
                <Share percent={row.percent} href={href} label={`of ${row.feature} ${row.limit}, ${row.customer}`} />
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

/** Whom to talk to, and why. */
export function SignalsCard({ resource }: { resource: Resource<SignalsPage | null> }) {
  return (
    <section class="card" aria-labelledby="signals-title">
      <div class="heading">
        <h2 id="signals-title">Signals</h2>
        <a href={formatRoute(SIGNALS)}>
          All<span class="visually-hidden"> signals</span>
        </a>
      </div>
      <Loaded resource={resource} what="signals">
        {({ rows }) =>
          rows.length === 0 ? (
            <p class="sub">Nothing to do: no signal is open.</p>
          ) : (
            <ul class="rows">
              {[...rows]
                .sort((left, right) => right.score - left.score)
                .slice(0, SHOWN)
                .map((row) => (
                  <li key={row.id}>
                    <span class="row-text">
                      <a href={formatRoute(customerRoute(row.customer))} title={row.customer}>
                        {row.customer}
                      </a>
                      <span class="sub" title={row.reason}>
                        {row.reason}
                      </span>
                    </span>
                    <span class={`badge badge-${row.kind === 'churn' ? 'bad' : 'good'}`}>
                      {kindText(row.kind)} {Math.round(row.score)}
                    </span>
                  </li>
                ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}
