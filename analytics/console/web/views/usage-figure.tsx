import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { UsageChartProps } from '../parts/usage-chart.js';
import type { ChartChoice } from '../pure/chart-choice.js';
import type { ChartPlan } from '../pure/chart-plan.js';
import { amountText, periodText, readoutText, summaryText } from '../pure/chart-words.js';
import { decimalNumber, decimalText, parseDecimal, percentOf } from '../pure/decimal.js';
import { type ForecastBand, forecastText } from '../pure/forecast-band.js';
import { formatAmount, formatPercent } from '../pure/format.js';
import type { ChartRow, ChartSeries } from '../pure/series.js';

interface UsageFigureProps {
  readonly choice: ChartChoice;
  readonly plan: ChartPlan;
  readonly series: ChartSeries;
  /** Where the window is expected to end; null where that is not drawn. */
  readonly forecast: ForecastBand | null;
  readonly asTable: boolean;
}

/** The chart with its words; or the same numbers as a table. */
export function UsageFigure({ choice, plan, series, forecast, asTable }: UsageFigureProps) {
  const [row, setRow] = useState<ChartRow | null>(null);
  const Chart = useChart();
  const lines = linesOf(choice, plan);
  return (
    <figure class="usage" aria-labelledby="usage-summary">
      <figcaption>
        <p id="usage-summary">{summaryText(choice, plan, series)}</p>
        {forecast !== null && <p class="hint">{forecastText(forecast, choice, plan)}</p>}
        {plan.note !== '' && <p class="hint">{plan.note}</p>}
      </figcaption>
      {asTable ? (
        <PeriodTable choice={choice} plan={plan} series={series} />
      ) : (
        <>
          <div class="chart-frame">
            {Chart !== undefined && (
              <Chart
                points={series.points}
                fromMs={plan.fromMs}
                toMs={plan.toMs}
                shape={plan.measure === 'total' ? 'line' : 'bars'}
                included={lines.included}
                hard={lines.hard}
                forecast={forecast}
                timezone={plan.timezone}
                onPoint={setRow}
              />
            )}
          </div>
          <p class="chart-foot" aria-hidden="true">
            {row === null ? (
              <Legend choice={choice} lines={lines} plan={plan} expected={forecast !== null} />
            ) : (
              readoutText(row, choice, plan)
            )}
          </p>
        </>
      )}
    </figure>
  );
}

/** uPlot is the larger part of all scripts, and only this figure needs it: it comes when it is first looked at. */
function useChart(): ComponentType<UsageChartProps> | undefined {
  const [loaded, setLoaded] = useState<{ readonly Chart: ComponentType<UsageChartProps> }>();
  useEffect(() => {
    let gone = false;
    import('../parts/usage-chart.js').then(({ UsageChart }) => {
      if (!gone) setLoaded({ Chart: UsageChart });
    });
    return () => {
      gone = true;
    };
  }, []);
  return loaded?.Chart;
}

interface Lines {
  readonly included: number | null;
  readonly hard: number | null;
}

function linesOf({ quota }: ChartChoice, plan: ChartPlan): Lines {
  if (quota === undefined || plan.windows.length === 0) return { included: null, hard: null };
  const hard = quota.hard === null || quota.hard === quota.included ? null : decimalNumber(parseDecimal(quota.hard));
  return { included: decimalNumber(parseDecimal(quota.included)), hard };
}

interface LegendProps {
  readonly choice: ChartChoice;
  readonly lines: Lines;
  readonly plan: ChartPlan;
  readonly expected: boolean;
}

function Legend({ choice, lines, plan, expected }: LegendProps) {
  const { quota, meter } = choice;
  return (
    <>
      <span class="key key-used">{plan.measure === 'total' ? 'Running total' : `${meter.name} each ${plan.by}`}</span>
      {lines.included !== null && quota !== undefined && (
        <span class="key key-included">Included {formatAmount(quota.included)}</span>
      )}
      {lines.hard !== null && quota?.hard !== null && quota !== undefined && (
        <span class="key key-hard">Denied past {formatAmount(quota.hard)}</span>
      )}
      {expected && <span class="key key-expected">Expected</span>}
      <span class="key-zone">{plan.timezone}</span>
    </>
  );
}

/** Newest first: what just happened is what one looks for. */
function PeriodTable({ choice, plan, series }: Omit<UsageFigureProps, 'asTable' | 'forecast'>) {
  const { quota, meter } = choice;
  const total = plan.measure === 'total';
  const included = quota === undefined ? null : parseDecimal(quota.included);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keys
    <section class="table-card table-scroll" tabIndex={0} aria-label="Usage by period">
      <table>
        <thead>
          <tr>
            <th scope="col">{plan.by === 'hour' ? 'Hour' : 'Day'} from</th>
            <th scope="col" class="numeric">
              Used{meter.unit === '' ? '' : ` (${meter.unit}s)`}
            </th>
            {total && (
              <th scope="col" class="numeric">
                Running total
              </th>
            )}
            {total && (
              <th scope="col" class="numeric">
                Share
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {[...series.rows].reverse().map((row) => {
            const percent = row.total === null || included === null ? null : percentOf(row.total, included);
            return (
              <tr key={row.startMs}>
                <th scope="row">{periodText(row, plan)}</th>
                <td class="numeric">{formatAmount(decimalText(row.used))}</td>
                {total && <td class="numeric">{row.total === null ? '' : amountText(row.total, '')}</td>}
                {total && <td class="numeric">{percent === null ? '' : formatPercent(percent)}</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
