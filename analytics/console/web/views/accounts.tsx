import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { withQuery } from '../api/http.js';
import { NEAR_LIMITS_MAX, nearLimits } from '../api/reports.js';
import { useResource } from '../hooks/use-resource.js';
import { go, replaceRoute } from '../hooks/use-route.js';
import { AccountTabs } from '../parts/account-tabs.js';
import { Choice } from '../parts/choice.js';
import { LiveStatus } from '../parts/live-status.js';
import { EmptyPanel, ErrorPanel, Skeleton, StaleNote } from '../parts/panels.js';
import { counted } from '../pure/format.js';
import { customerCount, filterRows, nextSorting, sortRows } from '../pure/near-rows.js';
import { type AccountsRoute, customerRoute, formatRoute, THRESHOLDS } from '../pure/route.js';
import { AccountsTable, SORT_NAMES } from './accounts-table.js';

const REFRESH_MS = 5_000;
/** Rows that are drawn at first, and more at each wish: a thousand of them take a browser a second. */
const ROWS_SHOWN = 100;

/** Accounts near their limits, worst first. */
export function Accounts({ route }: { route: AccountsRoute }) {
  const { threshold, query, sorting } = route;
  const [paused, setPaused] = useState(false);
  const [shown, setShown] = useState(ROWS_SHOWN);
  const { data, error, updatedAtMs, loading, reload } = useResource(
    String(threshold),
    (signal) => nearLimits(threshold, signal),
    { everyMs: REFRESH_MS, paused },
  );
  const rows = useMemo(() => {
    // Rows of the threshold before stay until the new ones come; those below the new one go at once.
    const near = (data ?? []).filter((row) => row.percent >= threshold);
    return sortRows(filterRows(near, query), sorting);
  }, [data, threshold, query, sorting.column, sorting.descending]);
  const update = (change: Partial<AccountsRoute>): void => replaceRoute({ ...route, ...change });
  const filter = useSlashFocus();

  const openFirst = (event: Event): void => {
    event.preventDefault();
    const [first] = rows;
    const id = first?.customer ?? query.trim();
    if (id !== '') go(customerRoute(id));
  };

  return (
    <>
      <div class="heading">
        <h1>Accounts near their limits</h1>
        <LiveStatus
          updatedAtMs={updatedAtMs}
          paused={paused}
          failing={error !== undefined}
          onToggle={() => setPaused(!paused)}
        />
      </div>
      <AccountTabs here="accounts" />
      <div class="toolbar">
        <Choice
          legend="Used at least"
          options={THRESHOLDS.map((value) => ({ value, text: value === 100 ? '100%' : `≥ ${value}%` }))}
          value={threshold}
          onChoose={(value) => update({ threshold: value })}
        />
        <form class="filter" onSubmit={openFirst}>
          <label class="visually-hidden" for="filter">
            Filter by customer or plan
          </label>
          <input
            id="filter"
            ref={filter}
            type="search"
            placeholder="Customer or plan"
            autocomplete="off"
            spellcheck={false}
            value={query}
            aria-keyshortcuts="/"
            onInput={(event) => update({ query: event.currentTarget.value })}
          />
          <kbd title="Press / to filter">/</kbd>
        </form>
        <label class="sort-select">
          <span>Sort by</span>
          <select
            value={sorting.column}
            onChange={(event) => {
              const column = SORT_NAMES.find(([name]) => name === event.currentTarget.value)?.[0];
              if (column !== undefined) update({ sorting: nextSorting({ ...sorting, column: 'plan' }, column) });
            }}
          >
            {SORT_NAMES.map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <a class="button-link" href={csvPath(threshold)} download>
          CSV
        </a>
      </div>
      <p class="summary" role="status">
        {data === undefined ? '' : summaryOf(rows.length, customerCount(rows), threshold, query, data.length)}
      </p>
      {error !== undefined && data !== undefined && <StaleNote message={error.message} onRetry={reload} />}
      {data === undefined ? (
        error === undefined ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorPanel title="The report did not come" message={error.message} onRetry={reload} />
        )
      ) : rows.length > 0 ? (
        <>
          <AccountsTable
            rows={rows.slice(0, shown)}
            sorting={sorting}
            onSort={(next) => update({ sorting: next })}
            route={route}
          />
          {rows.length > shown && (
            <button type="button" class="more" onClick={() => setShown(shown * 4)}>
              Show more
            </button>
          )}
        </>
      ) : loading ? (
        <Skeleton lines={8} />
      ) : (
        <Nothing query={query} threshold={threshold} />
      )}
    </>
  );
}

const csvPath = (threshold: number): string =>
  withQuery('/v1/reports/near-limits', { threshold, limit: NEAR_LIMITS_MAX, format: 'csv' });

function summaryOf(limits: number, customers: number, threshold: number, query: string, loaded: number): string {
  if (limits === 0) return '';
  const found = `${counted(limits, 'limit')} of ${counted(customers, 'customer')}`;
  const where = query.trim() === '' ? '' : ` matching “${query.trim()}”`;
  const cut = loaded >= NEAR_LIMITS_MAX ? ` The worst ${counted(NEAR_LIMITS_MAX, 'limit')} are shown.` : '';
  return `${found}${where} at ${threshold}% or more.${cut}`;
}

function Nothing({ query, threshold }: { query: string; threshold: number }) {
  const wanted = query.trim();
  if (wanted === '') {
    return (
      <EmptyPanel title={`Nobody has used ${threshold}% of a limit`}>
        <p>As soon as a customer does, it appears here by itself.</p>
      </EmptyPanel>
    );
  }
  return (
    <EmptyPanel title={`No account at ${threshold}% or more matches “${wanted}”`}>
      <p>
        <a href={formatRoute(customerRoute(wanted))}>Open the customer “{wanted}”</a>, whatever it has used.
      </p>
    </EmptyPanel>
  );
}

/** `/` goes to the filter from anywhere but another field; Escape empties it. */
function useSlashFocus() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLElement && event.target.matches('input:not([type="radio"]), select, textarea')) {
        return;
      }
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return input;
}
