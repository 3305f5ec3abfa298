import { EmptyPanel } from '../parts/panels.js';
import { formatAmount } from '../pure/format.js';
import type { InvoiceRow } from './api.js';

/** What the month comes to so far, feature by feature. */
export function InvoiceTable({ rows }: { rows: readonly InvoiceRow[] }) {
  if (rows.length === 0) return <EmptyPanel title="Nothing was used this month" />;
  return (
    <div class="table-card">
      <table class="invoice">
        <caption class="visually-hidden">Used, included and overage of each feature this month</caption>
        <thead>
          <tr>
            <th scope="col">Feature</th>
            <th scope="col" class="numeric">
              Used
            </th>
            <th scope="col" class="numeric">
              Included
            </th>
            <th scope="col" class="numeric">
              Overage
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.feature} ${row.limit ?? ''}`}>
              <th scope="row">
                {row.name}
                {row.unit !== '' && <span class="sub block">{row.unit}</span>}
              </th>
              <td class="numeric">{formatAmount(row.used)}</td>
              <td class="numeric">
                {row.included === null ? <span class="sub">no quota</span> : formatAmount(row.included)}
              </td>
              <td class="numeric">{formatAmount(row.overage)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
