import type { ChartChoice } from './chart-choice.js';
import type { ChartPlan } from './chart-plan.js';
import { compare, type Decimal, decimalText, parseDecimal, percentOf } from './decimal.js';
import { formatAmount, formatDay, formatInstant, formatPercent, formatShort, pluralUnit } from './format.js';
import type { ChartRow, ChartSeries } from './series.js';

/** An amount with its unit: `812,000 tokens`. */
export function amountText(value: Decimal, unit: string): string {
  const text = decimalText(value);
  const name = pluralUnit(unit, text);
  return name === '' ? formatAmount(text) : `${formatAmount(text)} ${name}`;
}

/** An hour by its beginning, a day by its date. */
export const periodText = (row: ChartRow, plan: ChartPlan): string =>
  plan.by === 'hour' ? formatShort(row.startMs, plan.timezone) : formatDay(row.startMs, plan.timezone);

/** What the chart shows, in a sentence or two: for those who do not see it, and for those in a hurry. */
export function summaryText(choice: ChartChoice, plan: ChartPlan, series: ChartSeries): string {
  const { meter, quota } = choice;
  const peak =
    series.peak === undefined
      ? ''
      : ` Most in one ${plan.by}: ${amountText(series.peak.used, meter.unit)}, ${periodText(series.peak, plan)}.`;
  if (series.peak === undefined && series.sum.units === 0n) return 'Nothing was used in this time.';
  if (plan.measure === 'each') {
    return `${amountText(series.sum, meter.unit)} from ${formatInstant(plan.fromMs, plan.timezone)} on.${peak}`;
  }
  const window = plan.windows.at(-1);
  const since =
    window === undefined || window.startMs === 0 ? '' : ` since ${formatInstant(window.startMs, plan.timezone)}`;
  if (quota === undefined) return `${amountText(series.sum, meter.unit)} used${since}.${peak}`;
  const included = parseDecimal(quota.included);
  const percent = percentOf(series.sum, included);
  const share = percent === null ? '' : ` (${formatPercent(percent)})`;
  const over = compare(series.sum, included) > 0 ? ', past what is included' : '';
  return `${amountText(series.sum, '')} of ${amountText(included, meter.unit)}${share} used${since}${over}.${peak}`;
}

/** What the point under the pointer says. */
export function readoutText(row: ChartRow, choice: ChartChoice, plan: ChartPlan): string {
  const { meter, quota } = choice;
  const used = `${periodText(row, plan)}: ${amountText(row.used, meter.unit)}`;
  if (row.total === null) return used;
  const percent = quota === undefined ? null : percentOf(row.total, parseDecimal(quota.included));
  const share = percent === null ? '' : `, ${formatPercent(percent)}`;
  return `${used}; then ${amountText(row.total, '')} in all${share}`;
}
