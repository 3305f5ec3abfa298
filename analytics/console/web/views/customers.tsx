import { useState } from 'preact/hooks';
import { accounts } from '../api/accounts.js';
import { useResource } from '../hooks/use-resource.js';
import { go, replaceRoute } from '../hooks/use-route.js';
import { AccountTabs } from '../parts/account-tabs.js';
import { Loaded } from '../parts/loaded.js';
import { EmptyPanel } from '../parts/panels.js';
import { CUSTOMERS, type CustomersRoute, customerRoute, formatRoute } from '../pure/route.js';

const PAGE_ROWS = 50;

/** All customers, a page at a time; found by a part of id or name. */
export function Customers({ route }: { route: CustomersRoute }) {
  const { query, plan } = route;
  const question = JSON.stringify([query.trim(), plan]);
  // Where each page began, so that one can go back; another question begins anew.
  const [pages, setPages] = useState<{ readonly of: string; readonly cursors: readonly string[] }>();
  const cursors = pages?.of === question ? pages.cursors : [];
  const cursor = cursors.at(-1);
  const page = useResource(JSON.stringify([question, cursor]), (signal) =>
    accounts({ text: query.trim(), plan, limit: PAGE_ROWS, cursor }, signal),
  );
  const open = (event: Event): void => {
    event.preventDefault();
    const first = page.data?.rows[0]?.customer;
    if (first !== undefined) go(customerRoute(first));
  };
  const turn = (next: readonly string[]): void => {
    setPages({ of: question, cursors: next });
    document.getElementById('content')?.scrollIntoView();
  };
  return (
    <>
      <div class="heading">
        <h1>Accounts</h1>
        <AccountTabs here="customers" />
      </div>
      <div class="toolbar">
        <form class="filter" onSubmit={open}>
          <label class="visually-hidden" for="find">
            Find by id or name
          </label>
          <input
            id="find"
            type="search"
            placeholder="Id or name"
            autocomplete="off"
            spellcheck={false}
            maxLength={256}
            value={query}
            onInput={(event) => replaceRoute({ ...route, query: event.currentTarget.value })}
          />
        </form>
        {plan !== '' && (
          <a class="button-link chip" href={formatRoute({ ...route, plan: '' })}>
            Plan {plan} <span aria-hidden="true">×</span>
            <span class="visually-hidden">: show all plans</span>
          </a>
        )}
      </div>
      <Loaded resource={page} what="the accounts" lines={10}>
        {(data) =>
          data.rows.length === 0 ? (
            <EmptyPanel title="No account matches">
              <p>
                <a href={formatRoute(CUSTOMERS)}>All accounts</a>
              </p>
            </EmptyPanel>
          ) : (
            <>
              <div class="table-card">
                <table class="customers">
                  <caption class="visually-hidden">Accounts by id</caption>
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      <th scope="col" class="col-id">
                        Id
                      </th>
                      <th scope="col">Plan</th>
                      <th scope="col">Status</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.rows.map((row) => (
                      <tr key={row.customer}>
                        <th scope="row">
                          <a href={formatRoute(customerRoute(row.customer))} data-row>
                            {row.name}
                          </a>
                        </th>
                        <td class="col-id">
                          <code class="sub">{row.customer}</code>
                        </td>
                        <td>
                          <a class="plain" href={formatRoute({ ...CUSTOMERS, plan: row.plan })}>
                            {row.plan}
                          </a>
                        </td>
                        <td>
                          <span class={`badge badge-${row.status === 'suspended' ? 'bad' : 'quiet'}`}>
                            {row.status || 'active'}
                          </span>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              <nav class="pager" aria-label="Pages">
                <button type="button" disabled={cursors.length === 0} onClick={() => turn(cursors.slice(0, -1))}>
                  Previous
                </button>
                <span class="sub">Page {cursors.length + 1}</span>
                <button
                  type="button"
                  disabled={data.cursor === undefined}
                  onClick={() => turn(data.cursor === undefined ? cursors : [...cursors, data.cursor])}
                >
                  Next
                </button>
              </nav>
            </>
          )
        }
      </Loaded>
    </>
  );
}
