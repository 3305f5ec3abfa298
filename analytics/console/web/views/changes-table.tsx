import { useEffect, useRef } from 'preact/hooks';
import type { Change } from '../api/audit.js';
import { fieldChanges } from '../pure/difference.js';
import { formatAmount, formatInstant } from '../pure/format.js';
import { customerRoute, formatRoute } from '../pure/route.js';

/** Fields of one change; a plan that is new has dozens. */
const FIELDS_SHOWN = 8;

/** Versions of the catalog, newest first, with what each changed. */
export function ChangesTable({ rows, version }: { rows: readonly Change[]; version: number | undefined }) {
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
