import { useEffect, useRef, useState } from 'preact/hooks';
import { type Change, changes } from '../api/audit.js';
import { useResource } from '../hooks/use-resource.js';
import { EmptyPanel, ErrorPanel, Skeleton } from '../parts/panels.js';
import { fieldChanges } from '../pure/difference.js';
import { formatAmount, formatInstant } from '../pure/format.js';
import { type ChangesRoute, customerRoute, formatRoute } from '../pure/route.js';

const PAGE_ROWS = 100;
const ROWS_MAX = 10_000;
/** Fields of one change; a plan that is new has dozens. */
const FIELDS_SHOWN = 8;

/** The catalog's history: which version changed what, and by whom. */
export function Changes({ route }: { route: ChangesRoute }) {
  const { version } = route;
  const [limit, setLimit] = useState(PAGE_ROWS);
  const { data, error, loading, reload } = useResource(String(limit), (signal) => changes(limit, signal));
  const oldest = data?.rows.at(-1)?.version;
  useEffect(() => {
    // The version that was asked for lies further back.
    if (data?.more === true && version !== undefined && oldest !== undefined && version < oldest && !loading) {
      setLimit((now) => Math.min(ROWS_MAX, now * 4));
    }
  }, [data, version, oldest, loading]);

  return (
    <>
      <div class="heading">
        <h1>Catalog changes</h1>
      </div>
      <p class="summary">
        Every decision says which version of the catalog it was made by. This is what each one changed.
      </p>
      {data === undefined ? (
        error === undefined ? (
          <Skeleton lines={8} />
        ) : (
          <ErrorPanel title="The changes did not come" message={error.message} onRetry={reload} />
        )
      ) : data.rows.length === 0 ? (
        <EmptyPanel title="No change is on record yet" />
      ) : (
        <>
          <ChangesTable rows={data.rows} version={version} />
          {data.more && limit < ROWS_MAX && (
            <button
              type="button"
              class="more"
              disabled={loading}
              onClick={() => setLimit(Math.min(ROWS_MAX, limit * 4))}
            >
              Show older ones
            </button>
          )}
        </>
      )}
    </>
  );
}

function ChangesTable({ rows, version }: { rows: readonly Change[]; version: number | undefined }) {
  // A decision by version 17 was made by the newest change that is no later than it.
  const inForce = version === undefined ? undefined : rows.find((row) => row.version <= version)?.version;
  const target = useRef<HTMLTableRowElement | null>(null);
  useEffect(() => {
    if (inForce !== undefined) target.current?.scrollIntoView({ block: 'center' });
  }, [inForce]);
  const first = rows.findIndex((row) => row.version === inForce);
  return (
    <div class="table-card">
      <table class="changes">
        <thead>
          <tr>
            <th scope="col" class="numeric">
              Version
            </th>
            <th scope="col">Object</th>
            <th scope="col">Change</th>
            <th scope="col" class="col-who">
              When, by whom
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr
              key={JSON.stringify([row.version, row.type, row.id])}
              ref={index === first ? target : null}
              class={row.version === inForce ? 'current' : undefined}
            >
              <th scope="row" class="numeric">
                {formatAmount(String(row.version))}
              </th>
              <td>
                <ObjectName row={row} />
                <span class="sub block">{row.type}</span>
              </td>
              <td>
                <What row={row} />
                <span class="narrow-only sub">{formatInstant(row.atMs)}</span>
              </td>
              <td class="col-who">
                {formatInstant(row.atMs)}
                <span class="sub block">{row.actor}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ObjectName({ row }: { row: Change }) {
  if (row.type !== 'customer') return <>{row.id}</>;
  return <a href={formatRoute(customerRoute(row.id))}>{row.id}</a>;
}

function What({ row }: { row: Change }) {
  const fields = fieldChanges(row.before, row.after);
  if (row.after === null) return <>removed</>;
  if (row.before === null) return <>added</>;
  return (
    <ul class="fields">
      {fields.slice(0, FIELDS_SHOWN).map(({ path, before, after }) => (
        <li key={path}>
          <code>{path}</code> {before ?? 'nothing'} → {after ?? 'nothing'}
        </li>
      ))}
      {fields.length > FIELDS_SHOWN && <li class="sub">and {fields.length - FIELDS_SHOWN} more</li>}
    </ul>
  );
}
