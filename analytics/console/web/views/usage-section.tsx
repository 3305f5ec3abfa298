import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Forecast } from '../api/accounts.js';
import type { CustomerSheet } from '../api/customers.js';
import { usage } from '../api/reports.js';
import { useResource } from '../hooks/use-resource.js';
import { replaceRoute } from '../hooks/use-route.js';
import { Choice } from '../parts/choice.js';
import { Loaded } from '../parts/loaded.js';
import { EmptyPanel } from '../parts/panels.js';
import { type ChartChoice, chartChoices, choiceKey, chosen, sharers } from '../pure/chart-choice.js';
import { type ChartQuestion, planChart } from '../pure/chart-plan.js';
import { bandOf } from '../pure/forecast-band.js';
import { formatAmount } from '../pure/format.js';
import type { CustomerRoute, Granularity, Range } from '../pure/route.js';
import { buildSeries } from '../pure/series.js';
import { everyText } from '../pure/words.js';
import { UsageFigure } from './usage-figure.js';

const REFRESH_MS = 15_000;

const RANGE_NAMES: readonly { readonly value: Range; readonly text: string }[] = [
  { value: '24h', text: '24 h' },
  { value: '7d', text: '7 d' },
  { value: '30d', text: '30 d' },
  { value: 'period', text: 'This period' },
];

const BY_NAMES: readonly { readonly value: Granularity; readonly text: string }[] = [
  { value: 'hour', text: 'Hours' },
  { value: 'day', text: 'Days' },
];

type Shape = 'chart' | 'table';
const SHAPES: readonly { readonly value: Shape; readonly text: string }[] = [
  { value: 'chart', text: 'Chart' },
  { value: 'table', text: 'Table' },
];

interface UsageSectionProps {
  readonly sheet: CustomerSheet;
  readonly route: CustomerRoute;
  readonly forecasts: readonly Forecast[];
}

/** A feature's usage over time, held against its quota. */
export function UsageSection({ sheet, route, forecasts }: UsageSectionProps) {
  const choices = useMemo(() => chartChoices(sheet), [sheet]);
  const choice = chosen(choices, route.feature, route.limit);
  const [shape, setShape] = useState<Shape>('chart');
  const section = useRef<HTMLElement>(null);
  const asked = route.feature === undefined ? '' : `${route.feature}\0${route.limit}`;
  const shown = useRef(asked);
  useEffect(() => {
    // Followed from a number above: the chart is what is behind it. A page that opens begins at its top.
    if (asked !== shown.current) section.current?.scrollIntoView({ block: 'nearest' });
    shown.current = asked;
  }, [asked]);
  return (
    <section aria-labelledby="usage-title" ref={section}>
      <div class="heading">
        <h2 id="usage-title">Usage over time</h2>
        {choice !== undefined && (
          <Choice legend="Show as" options={SHAPES} value={shape} onChoose={(value) => setShape(value)} />
        )}
      </div>
      {choice === undefined ? (
        <EmptyPanel title="Nothing is metered in this catalog" />
      ) : (
        <Usage
          sheet={sheet}
          route={route}
          forecasts={forecasts}
          choices={choices}
          choice={choice}
          asTable={shape === 'table'}
        />
      )}
    </section>
  );
}

interface UsageProps extends UsageSectionProps {
  readonly choices: readonly ChartChoice[];
  readonly choice: ChartChoice;
  readonly asTable: boolean;
}

function Usage({ sheet, route, forecasts, choices, choice, asTable }: UsageProps) {
  const { by, measure } = route;
  const window = choice.quota?.window ?? null;
  // A minute's window, or none, is no time to look at.
  const periodic = window !== null && window.every !== 'minute' && window.every !== 'hour';
  const range = route.range === 'period' && !periodic ? '24h' : route.range;
  const question = { range, by, measure, window, timezone: sheet.timezone, summed: choice.meter.summed };
  // What cannot be drawn cannot be chosen: the choices show what is drawn.
  const nowMs = Date.now();
  const plan = (change: Partial<ChartQuestion>) => planChart({ ...question, nowMs, ...change });
  const drawn = plan({});
  const usage = useResource(
    JSON.stringify([choiceKey(choice), question]),
    (signal) => loadSeries(sheet.id, choice, { ...question, nowMs: Date.now() }, signal),
    { everyMs: REFRESH_MS },
  );
  const update = (change: Partial<CustomerRoute>): void => replaceRoute({ ...route, ...change });
  const shared = sharers(sheet, choice);
  return (
    <>
      <div class="toolbar">
        <label class="select">
          <span class="visually-hidden">Limit</span>
          <select
            value={choiceKey(choice)}
            onChange={(event) => {
              const next = choices.find((each) => choiceKey(each) === event.currentTarget.value);
              if (next !== undefined) update({ feature: next.feature.id, limit: next.quota?.id });
            }}
          >
            {choices.map((each) => (
              <option key={choiceKey(each)} value={choiceKey(each)}>
                {choiceText(each)}
              </option>
            ))}
          </select>
        </label>
        <Choice
          legend="Range"
          options={RANGE_NAMES.map((each) => ({ ...each, disabled: each.value === 'period' && !periodic }))}
          value={range}
          onChoose={(value) => update({ range: value })}
        />
        <Choice
          legend="Granularity"
          options={BY_NAMES.map((each) => ({ ...each, disabled: plan({ by: each.value }).by !== each.value }))}
          value={drawn.by}
          onChoose={(value) => update({ by: value })}
        />
        <Choice
          legend="Measure"
          options={[
            { value: 'total', text: 'Running total', disabled: plan({ measure: 'total' }).measure !== 'total' },
            { value: 'each', text: drawn.by === 'hour' ? 'Each hour' : 'Each day' },
          ]}
          value={drawn.measure}
          onChoose={(value) => update({ measure: value })}
        />
      </div>
      <Loaded resource={usage} what="the usage" lines={7}>
        {(data) => (
          <UsageFigure
            choice={data.choice}
            plan={data.plan}
            series={data.series}
            forecast={bandOf(forecasts, data.choice, data.plan)}
            asTable={asTable}
          />
        )}
      </Loaded>
      {shared.length > 0 && (
        <p class="hint">
          The meter {choice.meter.name} also counts {shared.map((feature) => feature.name).join(' and ')}: the chart
          shows all of it.
        </p>
      )}
    </>
  );
}

function choiceText({ feature, meter, quota }: ChartChoice): string {
  if (quota === undefined) return `${feature.name} · ${meter.name}`;
  return `${feature.name} · ${quota.id} (${formatAmount(quota.included)} ${everyText(quota.window.every)})`;
}

/** Asks for the periods, and for what the first window had used before them. */
async function loadSeries(customer: string, choice: ChartChoice, question: ChartQuestion, signal: AbortSignal) {
  const plan = planChart(question);
  const base = { meter: choice.meter.id, customer, timezone: plan.timezone };
  const [before, ...periods] = await Promise.all([
    plan.before === null ? [] : usage({ ...base, ...plan.before }, signal),
    ...plan.spans.map((span) => usage({ ...base, ...span }, signal)),
  ]);
  return { choice, plan, series: buildSeries(plan, periods.flat(), before, question.nowMs) };
}
