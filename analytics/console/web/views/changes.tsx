import { useEffect, useState } from 'preact/hooks';
import { changes } from '../api/audit.js';
import { useResource } from '../hooks/use-resource.js';
import { Loaded } from '../parts/loaded.js';
import { MoreButton } from '../parts/more-button.js';
import { EmptyPanel } from '../parts/panels.js';
import type { ChangesRoute } from '../pure/route.js';
import { ChangesTable } from './changes-table.js';

const PAGE_ROWS = 100;
const ROWS_MAX = 10_000;

/** The catalog's history: which version changed what, and by whom. */
export function Changes({ route }: { route: ChangesRoute }) {
  const { version } = route;
  const [limit, setLimit] = useState(PAGE_ROWS);
  const history = useResource(String(limit), (signal) => changes(limit, undefined, signal));
  const { data, loading } = history;
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
      <Loaded resource={history} what="the changes" lines={8}>
        {({ rows, more }) =>
          rows.length === 0 ? (
            <EmptyPanel title="No change is on record yet" />
          ) : (
            <>
              <ChangesTable rows={rows} version={version} />
              {more && (
                <MoreButton
                  limit={limit}
                  limitMax={ROWS_MAX}
                  text="Show older ones"
                  disabled={loading}
                  onMore={setLimit}
                />
              )}
            </>
          )
        }
      </Loaded>
    </>
  );
}
