import type { CustomerSheet, SheetFeature, SheetGrant } from '../api/customers.js';
import { useNow } from '../hooks/use-now.js';
import { formatAmount, formatInstant } from '../pure/format.js';
import { ACCOUNTS, formatRoute } from '../pure/route.js';
import { standingOf } from '../pure/words.js';

/** Who the customer is, and what it may use by its plan, add-ons, status and validity. */
export function CustomerHead({ sheet }: { sheet: CustomerSheet }) {
  const standing = standingOf(sheet, useNow());
  return (
    <>
      <nav class="crumbs" aria-label="Back">
        <a href={formatRoute(ACCOUNTS)}>← Accounts</a>
      </nav>
      <div class="customer-title">
        <h1>{sheet.name}</h1>
        {sheet.name !== sheet.id && <code class="id">{sheet.id}</code>}
        <span class={`badge badge-${standing.tone}`}>{standing.text}</span>
      </div>
      <dl class="terms">
        <div>
          <dt>Plan</dt>
          <dd>
            <a href={formatRoute({ ...ACCOUNTS, threshold: 50, query: sheet.plan.id })}>{sheet.plan.name}</a>
          </dd>
        </div>
        <div>
          <dt>Add-ons</dt>
          <dd>{sheet.addons.length === 0 ? 'None' : sheet.addons.map((addon) => addon.name).join(', ')}</dd>
        </div>
        {sheet.grants.length > 0 && (
          <div>
            <dt>Grants</dt>
            <dd>
              {sheet.grants.map((grant) => (
                <span class="block" key={JSON.stringify(grant)}>
                  {grantText(grant, sheet.timezone)}
                </span>
              ))}
            </dd>
          </div>
        )}
        <div>
          <dt>Valid</dt>
          <dd>{validity(sheet) ?? 'Without a term'}</dd>
        </div>
        <div>
          <dt>Time zone</dt>
          <dd>{sheet.timezone}</dd>
        </div>
        <div>
          <dt>Catalog</dt>
          <dd>
            <a href={formatRoute({ view: 'changes', version: undefined })}>version {sheet.version}</a>
          </dd>
        </div>
      </dl>
      <Features features={sheet.features} />
    </>
  );
}

function grantText({ feature, limit, amount, ...term }: SheetGrant, timezone: string): string {
  const when = validity({ ...term, timezone });
  return `${formatAmount(amount)} more of ${feature} ${limit}${when === undefined ? '' : `, ${when.charAt(0).toLowerCase()}${when.slice(1)}`}`;
}

function validity({
  startsAtMs,
  endsAtMs,
  timezone,
}: Pick<CustomerSheet, 'startsAtMs' | 'endsAtMs' | 'timezone'>): string | undefined {
  const from = startsAtMs === null ? undefined : formatInstant(startsAtMs, timezone);
  const to = endsAtMs === null ? undefined : formatInstant(endsAtMs, timezone);
  if (from === undefined && to === undefined) return undefined;
  if (to === undefined) return `Since ${from}`;
  return from === undefined ? `Until ${to}` : `${from} to ${to}`;
}

/** What is switched on or set, and what is not; metered features have the table of limits. */
function Features({ features }: { features: readonly SheetFeature[] }) {
  const shown = features.filter((feature) => feature.kind !== 'metered' || feature.limits.length === 0);
  if (shown.length === 0) return null;
  return (
    <ul class="features" aria-label="Entitlements">
      {shown.map((feature) => (
        <li key={feature.id} class={feature.entitled ? 'feature' : 'feature feature-off'}>
          <span class="feature-name">{feature.name}</span> <span class="feature-value">{valueText(feature)}</span>
        </li>
      ))}
    </ul>
  );
}

function valueText(feature: SheetFeature): string {
  if (!feature.entitled) return feature.kind === 'boolean' ? 'off' : 'not in the plan';
  if (feature.kind === 'metered') return 'unlimited';
  return feature.kind === 'boolean' ? 'on' : (feature.value ?? '');
}
