import { type PlanLimit, type PlanUse, plansUse } from '../api/plans.js';
import { useResource } from '../hooks/use-resource.js';
import { Histogram } from '../parts/histogram.js';
import { Loaded } from '../parts/loaded.js';
import { EmptyPanel } from '../parts/panels.js';
import { counted, formatAmount, formatPercent } from '../pure/format.js';
import { ACCOUNTS, CUSTOMERS, formatRoute } from '../pure/route.js';
import { everyText } from '../pure/words.js';

const REFRESH_MS = 60_000;

/** Plans and their use: who has them, and whether what they include fits. */
export function Plans() {
  const plans = useResource('plans', plansUse, { everyMs: REFRESH_MS });
  return (
    <>
      <div class="heading">
        <h1>Plans</h1>
      </div>
      <p class="summary">
        How many customers each plan has, and how far these have used what it includes, in their current windows.
      </p>
      <Loaded resource={plans} what="the plans" lines={8}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyPanel title="No customer has a plan yet" />
          ) : (
            <div class="plans">
              {[...rows]
                .sort((left, right) => right.customers - left.customers)
                .map((row) => (
                  <PlanCard key={row.plan} plan={row} />
                ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}

function PlanCard({ plan }: { plan: PlanUse }) {
  const titleId = `plan-${plan.plan}`;
  return (
    <section class="card plan" aria-labelledby={titleId}>
      <div class="heading">
        <h2 id={titleId}>{plan.name}</h2>
        <a href={formatRoute({ ...CUSTOMERS, plan: plan.plan })}>{counted(plan.customers, 'customer')}</a>
      </div>
      <p class="sub">
        <a href={formatRoute({ ...ACCOUNTS, query: plan.plan })}>{formatAmount(String(plan.near))} near a limit</a> (
        {formatPercent((plan.near * 100) / Math.max(1, plan.customers))})
      </p>
      {plan.limits.length === 0 ? (
        <p class="sub">No quotas.</p>
      ) : (
        <ul class="plan-limits">
          {plan.limits.map((limit) => (
            <PlanLimitRow key={JSON.stringify([limit.feature, limit.limit])} plan={plan} limit={limit} />
          ))}
        </ul>
      )}
    </section>
  );
}

function PlanLimitRow({ plan, limit }: { plan: PlanUse; limit: PlanLimit }) {
  const idle = Math.max(0, plan.customers - limit.using);
  return (
    <li>
      <span class="plan-limit">
        <span>
          <strong>{limit.feature}</strong> {limit.limit}
          <span class="sub block">
            {formatAmount(limit.included)} {everyText(limit.every)}
          </span>
        </span>
        <span class="sub plan-counts">
          <span>{formatAmount(String(limit.using))} use it</span>
          <span>{formatAmount(String(idle))} do not</span>
          <span class={limit.near > 0 ? 'tone-text-warn' : undefined}>{formatAmount(String(limit.near))} near</span>
          <span class={limit.exhausted > 0 ? 'tone-text-bad' : undefined}>
            {formatAmount(String(limit.exhausted))} used up
          </span>
        </span>
      </span>
      <span class="plan-histogram">
        <Histogram distribution={limit.distribution} />
        <span class="histogram-axis sub" aria-hidden="true">
          <span>0%</span>
          <span>50%</span>
          <span>100%</span>
        </span>
      </span>
    </li>
  );
}
