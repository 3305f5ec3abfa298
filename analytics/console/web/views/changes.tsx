import { useEffect, useState } from 'preact/hooks';
import { changes } from '../api/audit.js';
import { useResource } from '../hooks/use-resource.js';
import { EmptyPanel, ErrorPanel, Skeleton } from '../parts/panels.js';
import type { ChangesRoute } from '../pure/route.js';
import { ChangesTable } from './changes-table.js';

const PAGE_ROWS = 100;
const ROWS_MAX = 10_000;

/** The catalog's history: which version changed what, and by whom. */
export function Changes({ route }: { route: ChangesRoute }) {
  const { version } = route;
  const [limit, setLimit] = useState(PAGE_ROWS);
  const { data, error, loading, reload } = useResource(String(limit), (signal) => changes(limit, undefined, signal));
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
